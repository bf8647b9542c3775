// One server is stopped and started again while the board is open: nobody reloads it.

import { expect, test } from "./fixtures.ts";
import { Board, Dashboard } from "./pages.ts";
import { lab, Postgres } from "./servers.ts";
import { join } from "node:path";

test("a stopped server goes down live, with the reason, and recovers", async ({ page, visit }) => {
  test.setTimeout(180_000);
  const { folder, postgres } = lab();
  const server = new Postgres(join(folder, "postgres"), postgres);
  await visit("/");
  const board = new Board(page);
  await expect(board.status("orders")).toHaveText(/Healthy/);
  let reloaded = false;
  page.on("framenavigated", () => (reloaded = true));

  server.stop();
  // One interval of 30 s, the confirmation after 1 and 2 s, and the way to the page.
  await expect(board.status("orders")).toHaveText(/Down/, { timeout: 50_000 });
  await expect(board.row("orders")).toContainText("Nothing listens at that address");

  // Somebody else reads meanwhile what to do about it.
  const other = await page.context().newPage();
  await other.goto("/");
  await new Board(other).row("orders").getByRole("link", { name: "What to do about orders" }).click();
  await expect(new Dashboard(other).part("Known cures")).toBeVisible();
  await expect(other.getByRole("button", { name: "It worked" }).first()).toBeVisible();
  await expect(other.getByRole("link", { name: "The PostgreSQL guide on this" })).toHaveAttribute("href", "/guides/postgresql#connection_refused");
  await other.close();

  server.start();
  await expect(board.status("orders")).toHaveText(/Healthy/, { timeout: 50_000 });
  expect(reloaded).toBe(false);

  await board.open("orders").click();
  const dashboard = new Dashboard(page);
  await expect(dashboard.heading("orders")).toBeVisible();
  await expect(dashboard.canvases()).toHaveCount(2);
  for (const chart of await dashboard.canvases().all()) await expect(chart).toBeVisible();
  await dashboard.asTable().first().click();
  await expect(dashboard.phasesTable()).toContainText(/\d/);
  await expect(dashboard.recentChecks().filter({ hasText: /Down/ }).first()).toBeVisible();
  await expect(dashboard.errors()).toContainText("Nothing listens at that address");
});
