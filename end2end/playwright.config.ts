import { defineConfig, devices } from "@playwright/test";
import { session } from "./servers.ts";

// One Mooring with one story: `setup` makes its administrator and its connections, the others look at them.
// The outage takes a server away, so it runs when nobody else looks.
const desktop = { viewport: { width: 1440, height: 900 } };
const phone = { ...devices["Pixel 7"], viewport: { width: 390, height: 844 }, defaultBrowserType: undefined };
const signedIn = { storageState: session };

export default defineConfig({
  testDir: ".",
  outputDir: "../target/end2end/results",
  globalSetup: "./servers.setup.ts",
  workers: 1,
  retries: 0,
  forbidOnly: !!process.env.CI,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: "list",
  use: {
    baseURL: process.env.MOORING_TEST_URL,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "setup", testMatch: "first_run.spec.ts", use: desktop },
    { name: "desktop", testMatch: ["forms.spec.ts", "pages.spec.ts", "validation.spec.ts"], dependencies: ["setup"], use: { ...desktop, ...signedIn } },
    { name: "phone", testMatch: ["pages.spec.ts", "validation.spec.ts"], dependencies: ["setup"], use: { ...phone, ...signedIn } },
    {
      name: "nojs",
      testMatch: "without_scripts.spec.ts",
      dependencies: ["setup"],
      use: { ...desktop, javaScriptEnabled: false },
    },
    {
      name: "outage",
      testMatch: "outage.spec.ts",
      dependencies: ["desktop", "phone", "nojs"],
      use: { ...desktop, ...signedIn },
    },
  ],
});
