// Every page as it is read: whole, quiet in the console, and usable by everyone.

import { expect, test } from "./fixtures.ts";
import { Board, Dashboard } from "./pages.ts";

test("the board shows each connection, and search narrows it", async ({ page, visit, accessible }) => {
  await visit("/");
  const board = new Board(page);
  await expect(board.row("billing")).toBeVisible();
  await accessible();
  await board.search().fill("bill");
  await expect(board.row("orders")).toHaveCount(0);
  await expect(board.row("billing")).toBeVisible();
});

test("the dashboard charts where the time goes, with a table beside it", async ({ page, visit, accessible }) => {
  await visit("/");
  await new Board(page).open("billing").click();
  const dashboard = new Dashboard(page);
  await expect(dashboard.heading("billing")).toBeVisible();
  await expect(dashboard.canvases()).toHaveCount(2);
  for (const range of ["1 h", "7 d", "30 d", "24 h"]) {
    await dashboard.range(range).click();
    await expect(dashboard.range(range)).toHaveAttribute("aria-current", "page");
    await expect(dashboard.canvases().first()).toBeVisible();
  }
  await dashboard.asTable().first().click();
  await expect(dashboard.phasesTable()).toContainText(/\d/);
  for (const part of ["Health history", "Retries", "Daily metrics", "Recent checks", "Errors"]) {
    await expect(dashboard.part(part)).toBeVisible();
  }
  await accessible();
});

test("a check asked for arrives, and a pause holds until it is ended", async ({ page, visit }) => {
  await visit("/");
  await new Board(page).open("billing").click();
  const dashboard = new Dashboard(page);
  const checks = dashboard.recentChecks();
  const before = await checks.count();
  await dashboard.checkNow().click();
  await expect.poll(() => checks.count()).toBeGreaterThan(before);
  await dashboard.pause().click();
  await expect(dashboard.resume()).toBeVisible();
  await dashboard.resume().click();
  await expect(dashboard.pause()).toBeVisible();
});

test("a page that nobody looks at keeps no stream open", async ({ page, visit }) => {
  await page.addInitScript(() => {
    const open = new Set<EventSource>();
    Object.assign(window, { streams: open });
    window.EventSource = class extends EventSource {
      constructor(url: string) {
        super(url);
        open.add(this);
      }
      close() {
        open.delete(this);
        super.close();
      }
    };
  });
  const streams = () => page.evaluate(() => (window as unknown as { streams: Set<EventSource> }).streams.size);
  const hide = (hidden: boolean) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    }, hidden);
  await visit("/");
  await expect.poll(streams).toBe(1);
  await hide(true);
  await expect.poll(streams).toBe(0);
  await hide(false);
  await expect.poll(streams).toBe(1);
});

test("an entry of the knowledge base has an address, and leads to the guide", async ({ page, visit, accessible }) => {
  await visit("/knowledge?provider=mysql&q=host_blocked");
  const title = page.getByRole("article").getByRole("heading", { level: 2 });
  await expect(title).toHaveCount(1);
  const name = await title.innerText();
  await title.getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await accessible();
  await page.getByRole("link", { name: /guide: host_blocked/ }).click();
  await expect(page).toHaveURL(/\/guides\/mysql#host_blocked$/);
  await expect(page.locator("#host_blocked")).toBeInViewport();
});

for (const path of [
  "/status",
  "/audit",
  "/admin/accounts",
  "/settings",
  "/settings/two-factor",
  "/settings/tokens",
  "/settings/drop-in",
  "/connections/new",
  "/connections/import",
  "/knowledge",
  "/guides",
  "/guides/postgresql",
]) {
  test(`${path} is usable by everyone`, async ({ page, visit, accessible }) => {
    await visit(path);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page).toHaveTitle(/Mooring/);
    await accessible();
    // The server writes UTC; the page's own clock takes over in every part, however late it came to life.
    await expect(page.locator("time", { hasText: "UTC" })).toHaveCount(0);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overflow, "nothing stands out at the side").toBeLessThanOrEqual(0);
  });
}

test.describe("where nothing is", () => {
  // The page itself is answered 404.
  test.use({ refusals: true });

  test("the page says so and leads back", async ({ page, visit, accessible }) => {
    await visit("/no-such-page");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("There is nothing here");
    await accessible();
    await page.getByRole("link", { name: "Go to the board" }).click();
    await expect(new Board(page).heading()).toBeVisible();
  });
});
