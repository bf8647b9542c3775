// The same pages with JavaScript off: sign in, read the board and a dashboard, use the forms.

import { expect, test } from "./fixtures.ts";
import { account, Board, ConnectionForm, Dashboard, SignIn } from "./pages.ts";

test.beforeEach(async ({ page, visit }) => {
  await visit("/");
  await new SignIn(page).as(account.email, account.password);
  await expect(new Board(page).heading()).toBeVisible();
});

test("the board is whole", async ({ page }) => {
  const board = new Board(page);
  await expect(board.status("billing")).toHaveText(/Healthy/);
  await expect(board.row("billing")).toContainText(/ms/);
});

test("the dashboard shows its charts as tables", async ({ page }) => {
  await new Board(page).open("billing").click();
  const dashboard = new Dashboard(page);
  await expect(dashboard.heading("billing")).toBeVisible();
  await expect(dashboard.phasesTable()).toBeVisible();
  await dashboard.range("7 d").click();
  await expect(dashboard.range("7 d")).toHaveAttribute("aria-current", "page");
  await expect(dashboard.phasesTable()).toContainText(/\d/);
});

test("each provider's fields are shown, and the judgement comes with the answer", async ({ page, visit }) => {
  await visit("/connections/new");
  const form = new ConnectionForm(page);
  await form.provider("Firebase").click();
  await expect(form.projectId()).toBeVisible();
  await expect(form.host()).toBeHidden();
  await form.provider("MongoDB").click();
  await expect(form.replicaSet()).toBeVisible();
  await form.host().fill("db.example.org");
  await form.port().fill("70000");
  await form.save().click();
  await expect(form.replicaSet()).toBeVisible();
  await expect(form.finding("There is no user")).toBeVisible();
});

test("the form keeps what was typed and names the field", async ({ page, visit }) => {
  await visit("/connections/new");
  const form = new ConnectionForm(page);
  await form.name().fill("never saved");
  await form.host().fill("db.example.org");
  await form.port().fill("70000");
  await form.save().click();
  await expect(form.port()).toHaveAttribute("aria-invalid", "true");
  await expect(form.port()).toHaveValue("70000");
  await expect(form.name()).toHaveValue("never saved");
});

test("a refused sign-in keeps the address, and not the password", async ({ page, visit }) => {
  await page.context().clearCookies();
  await visit("/sign-in");
  const form = new SignIn(page);
  await form.as(account.email, "not the password");
  await expect(page.getByText("The e-mail address or the password is not right.")).toBeVisible();
  await expect(form.email()).toHaveValue(account.email);
  await expect(form.password()).toHaveValue("");
  expect(decodeURIComponent(page.url())).not.toContain(account.email);
});
