// Bad input is answered at the field it is about, and keeps what was typed.

import { expect, test } from "./fixtures.ts";
import { account, Board, ConnectionForm, SignIn, Tokens } from "./pages.ts";

test.use({ refusals: true });

test.describe("signing in", () => {
  test.use({ storageState: { cookies: [], origins: [] } });

  test("a wrong password says so and keeps the address", async ({ page, visit }) => {
    await visit("/");
    const signIn = new SignIn(page);
    await signIn.as(account.email, "not the pass phrase");
    await expect(page.getByText("The e-mail address or the password is not right.")).toBeVisible();
    await expect(signIn.email()).toHaveValue(account.email);
  });
});

const wrong: [string, (form: ConnectionForm) => ReturnType<ConnectionForm["host"]>, string][] = [
  ["an empty name", (form) => form.name(), ""],
  ["a name of 10,000 characters", (form) => form.name(), "n".repeat(10_000)],
  ["a port out of range", (form) => form.port(), "70000"],
  ["an empty host", (form) => form.host(), ""],
];

for (const [what, field, value] of wrong) {
  test(`${what} is refused at its field`, async ({ page, visit }) => {
    await visit("/connections/new");
    const form = new ConnectionForm(page);
    await form.name().fill("never saved");
    await form.host().fill("db.example.org");
    await form.username().fill("someone");
    await field(form).fill(value);
    await form.save().click();
    await expect(field(form)).toHaveAttribute("aria-invalid", "true");
    await expect(field(form)).toHaveValue(value);
    await expect(form.username()).toHaveValue("someone");

    await visit("/");
    await expect(new Board(page).row("never saved")).toHaveCount(0);
  });
}

test("a malformed URL is refused and stays", async ({ page, visit }) => {
  await visit("/connections/new");
  const form = new ConnectionForm(page);
  await form.url().fill("postgres//nowhere");
  await form.takeUrl().click();
  await expect(form.url()).toHaveAttribute("aria-invalid", "true");
  await expect(form.url()).toHaveValue("postgres//nowhere");
});

test("a connection whose host does not resolve is saved and shown failing, with the reason", async ({ page, visit }) => {
  await visit("/connections/new");
  const form = new ConnectionForm(page);
  await form.name().fill("lost");
  await form.host().fill("no-such-host.invalid");
  await form.username().fill("someone");
  await form.save().click();
  await visit("/");
  const board = new Board(page);
  await expect(board.status("lost")).toHaveText(/Down/, { timeout: 45_000 });
  await expect(board.row("lost")).toContainText(/name|resolve|host/i);
});

test("a token is shown once, and is gone when revoked", async ({ page, visit, request, accessible }) => {
  await visit("/settings/tokens");
  const tokens = new Tokens(page);
  await tokens.name().fill("cron job");
  await tokens.make().click();
  const token = (await tokens.shown().innerText()).match(/mrg_[\w-]+/)?.[0];
  expect(token).toBeTruthy();
  await accessible();

  const health = () =>
    request.get("/rest/v1/database_connection_health?limit=1", { headers: { authorization: `Bearer ${token}` } });
  expect((await health()).status()).toBe(200);

  await visit("/settings/tokens");
  await expect(tokens.shown()).toHaveCount(0);
  await tokens.revoke("cron job");
  await expect(tokens.row("cron job")).toContainText("Revoked");
  expect((await health()).status()).toBe(401);
});
