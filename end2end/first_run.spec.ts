// The first minutes with Mooring, from an empty data folder to three watched databases. The other tests start
// where this one ends.

import { expect, test } from "./fixtures.ts";
import { account, Account, Board, ConnectionForm, Dashboard, SignIn } from "./pages.ts";
import { lab, login, session } from "./servers.ts";

test.describe.configure({ mode: "serial" });
test.use({ storageState: undefined });

test("the first visit makes the administrator, and one click watches Mooring's own database", async ({ page, visit, accessible }) => {
  await visit("/");
  const signIn = new SignIn(page);
  await expect(signIn.create()).toBeVisible();
  await accessible();
  await signIn.email().fill(account.email);
  await signIn.password().fill(account.password);
  await signIn.create().click();

  const board = new Board(page);
  await expect(board.heading()).toBeVisible();
  await accessible();
  await board.watchOwnDatabase().click();
  await expect(board.status(board.ownDatabase)).toHaveText(/Healthy/, { timeout: 30_000 });
  await page.context().storageState({ path: session });
});

test.describe("signed in", () => {
  test.use({ storageState: session });

  test("a PostgreSQL is added by its URL, after a test that shows the phases", async ({ page, visit, accessible }) => {
    await visit("/");
    await new Board(page).add().click();
    const form = new ConnectionForm(page);
    const password = encodeURIComponent(login.password);
    await form.url().fill(`postgres://${login.user}:${password}@127.0.0.1:${lab().postgres}/${login.database}`);
    await expect(form.host()).toHaveValue("127.0.0.1");
    await expect(form.port()).toHaveValue(String(lab().postgres));
    await expect(form.username()).toHaveValue(login.user);
    await expect(form.database()).toHaveValue(login.database);
    await form.takeUrl().click();
    await expect(form.url()).toHaveValue("");
    await form.name().fill("orders");

    await form.test().click();
    for (const phase of ["TCP", "Login", "Database", "Query"]) {
      await expect(form.phase(phase)).toContainText(/\d ms/);
    }
    await accessible();
    await form.save().click();

    await expect(new Dashboard(page).heading("orders")).toBeVisible();
    await expect(new Dashboard(page).status()).toHaveText("Healthy", { timeout: 30_000 });
  });

  test("a MariaDB is added field by field, and its first check arrives by itself", async ({ page, visit }) => {
    await visit("/connections/new");
    const form = new ConnectionForm(page);
    await form.provider("MySQL / MariaDB").click();
    await form.name().fill("billing");
    await form.host().fill("127.0.0.1");
    await form.port().fill(String(lab().mariadb));
    await form.database().fill(login.database);
    await form.username().fill(login.user);
    await form.password().fill(login.password);
    await form.test().click();
    for (const phase of ["TCP", "Login", "Database", "Query"]) {
      await expect(form.phase(phase)).toContainText(/\d ms/);
    }
    await form.save().click();
    await expect(new Dashboard(page).heading("billing")).toBeVisible();

    await visit("/");
    const board = new Board(page);
    for (const name of ["orders", "billing", board.ownDatabase]) {
      await expect(board.status(name)).toHaveText(/Healthy/, { timeout: 30_000 });
    }
  });

  test("signing out ends the session, and signing in starts one", async ({ page, visit }) => {
    // What the page asks by itself comes to the server after the session has ended: it would be refused, and the
    // console would say so.
    let letGo = () => {};
    const left = new Promise<void>((resolve) => (letGo = resolve));
    await page.route(/\/events$|get_pulse/, async (route) => {
      await left;
      await route.continue().catch(() => {});
    });
    await visit("/settings");
    await new Account(page).signOut().click();
    const signIn = new SignIn(page);
    await expect(signIn.submit()).toBeVisible();
    letGo();
    await page.unrouteAll({ behavior: "wait" });
    await visit("/");
    await signIn.as(account.email, account.password);
    await expect(new Board(page).heading()).toBeVisible();
    await page.context().storageState({ path: session });
  });
});
