// The form of a connection and its judgement, which follows what is typed without asking the server.

import { expect, hydrated, test } from "./fixtures.ts";
import { ConnectionForm } from "./pages.ts";

test("settings are judged as one types, and each change is one click", async ({ page, visit, accessible }) => {
  await visit("/connections/new");
  const form = new ConnectionForm(page);
  await expect(form.review()).toContainText("the settings are judged here as you type");
  const requests: string[] = [];
  // The frame around the page goes on asking for the monitor's pulse and listening for changes.
  const ofTheFrame = /\/(events|get_pulse)$/;
  page.on("request", (request) => {
    if (!ofTheFrame.test(request.url())) requests.push(request.url());
  });

  await form.host().fill("db.example.org");
  await form.username().fill("postgres");
  await form.tls().selectOption("disable");
  await form.password().fill("postgres");
  await expect(form.grade("F")).toBeVisible();
  await expect(form.finding("The password is one of those")).toContainText("−35");
  expect(requests, "the rules run in the page").toEqual([]);
  await accessible();

  await form.finding("TLS is off").getByRole("button", { name: "Use verify-full" }).click();
  await expect(form.tls()).toHaveValue("verify-full");
  await expect(form.finding("TLS is off")).toHaveCount(0);
  await form.username().fill("app");
  await form.password().fill("x7Kq!m2Zp9-Rt4wB");
  await expect(form.grade("A")).toBeVisible();
  await expect(form.preview()).toHaveText("postgresql://app:•••@db.example.org:5432/?sslmode=verify-full");
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, "nothing stands out at the side").toBeLessThanOrEqual(0);
});

for (const [provider, shown, hidden] of [
  ["MongoDB", "replicaSet", "projectUrl"],
  ["Firebase", "projectId", "host"],
  ["Supabase", "projectUrl", "projectId"],
  ["PostgreSQL", "host", "replicaSet"],
] as const) {
  test(`${provider} has fields of its own`, async ({ page, visit, accessible }) => {
    await visit("/connections/new");
    const form = new ConnectionForm(page);
    await form.provider(provider).click();
    await expect(form[shown]()).toBeVisible();
    await expect(form[hidden]()).toBeHidden();
    await accessible();
  });
}

const account = JSON.stringify({
  type: "service_account",
  project_id: "shop-1",
  client_email: "firebase-adminsdk-1@shop-1.iam.gserviceaccount.com",
  private_key: "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
});

const pasted: [string, string, string][] = [
  ["a .env", "# shop\nMYSQL_HOST=db.example.org\nMYSQL_USER=app\nMYSQL_PASSWORD=\"p#1 x\"\n", "mysql://app:•••@db.example.org:3306/"],
  ["a .pgpass", "db.example.org:5433:shop:app:secret", "postgresql://app:•••@db.example.org:5433/shop"],
  ["a my.cnf", "[client]\nhost=db.example.org\nuser=app\npassword=secret", "mysql://app:•••@db.example.org:3306/"],
  ["a service file", "[shop]\nhost=db.example.org\ndbname=shop", "postgresql://db.example.org:5432/shop"],
  ["a MongoDB address", "mongodb://app:p@a.example.org,b.example.org:27018/shop?replicaSet=rs0", "mongodb://app:•••@a.example.org:27017,b.example.org:27018/shop?replicaSet=rs0"],
  ["a service account", account, "firebase://shop-1"],
];

for (const [what, text, preview] of pasted) {
  test(`${what} is taken apart into the fields`, async ({ page, visit }) => {
    await visit("/connections/new");
    const form = new ConnectionForm(page);
    await form.url().fill(text);
    await expect(form.preview()).toHaveText(preview);
    await form.takeUrl().click();
    await expect(form.url()).toHaveValue("");
    await expect(form.preview()).toHaveText(preview);
  });
}

test("what is typed before the page is hydrated is kept and judged", async ({ page, visit }) => {
  let fetch = () => {};
  const slow = new Promise<void>((resolve) => (fetch = resolve));
  await page.route(/\.wasm$/, async (route) => {
    await slow;
    await route.continue();
  });
  await page.goto("/connections/new");
  const form = new ConnectionForm(page);
  await form.host().fill("db.example.org");
  await form.tls().selectOption("verify-ca");
  fetch();
  await hydrated(page);
  await expect(form.host()).toHaveValue("db.example.org");
  await expect(form.preview()).toHaveText("postgresql://db.example.org:5432/?sslmode=verify-ca");
});

test("a certificate is read from a file into its field", async ({ page, visit }) => {
  await visit("/connections/new");
  await page.getByText("Certificates, time limits and schedule").click();
  const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  await page
    .getByLabel("Read the authority's file…")
    .setInputFiles({ name: "ca.pem", mimeType: "application/x-pem-file", buffer: Buffer.from(pem) });
  await expect(page.getByLabel("Certificate of the authority")).toHaveValue(pem);
});

test("another connection with the same password is named", async ({ page, visit }) => {
  await visit("/connections/new");
  const form = new ConnectionForm(page);
  const { login } = await import("./servers.ts");
  await form.host().fill("db.example.org");
  await form.username().fill("someone");
  await form.password().fill(login.password);
  await form.name().fill("twice");
  await expect(form.finding(/also used by .*billing/)).toContainText("−6");
});
