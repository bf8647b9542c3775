// What every browser test shares: it fails on anything that the console reports, knows when a page is hydrated,
// and can ask axe.

import AxeBuilder from "@axe-core/playwright";
import { test as base, expect, type Page } from "@playwright/test";
import { lab } from "./servers.ts";

interface Options {
  /** Set where a test is about refusals: the console then reports the answers 4xx that the page handles. */
  refusals: boolean;
}

interface Pages {
  /** Opens a path and waits until the page is hydrated, where scripts run. */
  visit(path: string): Promise<void>;
  /** Fails on whatever keeps people from using the page, in both colour schemes. */
  accessible(): Promise<void>;
}

export const test = base.extend<Options & Pages>({
  refusals: [false, { option: true }],

  baseURL: async ({}, use) => use(lab().url),

  page: async ({ page, refusals, javaScriptEnabled }, use) => {
    const reported: string[] = [];
    page.on("pageerror", (error) => reported.push(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      if (refusals && /the server responded with a status of 4\d\d/.test(message.text())) return;
      // Without scripts nothing uses them.
      if (!javaScriptEnabled && message.text().includes("was preloaded using link preload but not used")) return;
      reported.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    });
    await use(page);
    expect(reported, "the console reports nothing").toEqual([]);
  },

  visit: async ({ page, javaScriptEnabled }, use) => {
    await use(async (path) => {
      await page.goto(path);
      if (javaScriptEnabled) await hydrated(page);
    });
  },

  accessible: async ({ page }, use) => {
    await use(async () => {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        // Colours on their way from one to another are nobody's choice.
        await page.evaluate(() =>
          document
            .getAnimations()
            .filter((animation) => animation instanceof CSSTransition)
            .forEach((transition) => transition.finish()),
        );
        const { violations } = await new AxeBuilder({ page }).analyze();
        const serious = violations
          .filter(({ impact }) => impact === "serious" || impact === "critical")
          .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary?.split("\n").at(-1)?.trim()}`).join(", ")})`);
        expect(serious, `axe finds nothing serious, ${colorScheme}`).toEqual([]);
      }
    });
  },
});

/** Waits until the page answers by itself. */
export async function hydrated(page: Page) {
  await page.locator("html[data-hydrated]").waitFor({ state: "attached", timeout: 30_000 });
}

export { expect };
