// How a person finds things: every role and label that the tests rely on stands here.

import type { Locator, Page } from "@playwright/test";

/** The account that the first run makes. */
export const account = { email: "admin@example.org", password: "a long enough pass phrase" };

export class SignIn {
  constructor(private page: Page) {}
  email = () => this.page.getByLabel("E-mail address");
  password = () => this.page.getByLabel("Password", { exact: true });
  create = () => this.page.getByRole("button", { name: "Make the account" });
  submit = () => this.page.getByRole("button", { name: "Sign in", exact: true });

  async as(email: string, password: string) {
    await this.email().fill(email);
    await this.password().fill(password);
    await this.submit().click();
  }
}

export class Account {
  constructor(private page: Page) {}
  signOut = () => this.page.getByRole("main").getByRole("button", { name: "Sign out", exact: true });
}

export class Board {
  constructor(private page: Page) {}
  heading = () => this.page.getByRole("heading", { name: "Board", level: 1 });
  add = () => this.page.getByRole("link", { name: "Add connection" });
  /** The name that Mooring gives to its own database. */
  ownDatabase = "Mooring's own database";
  watchOwnDatabase = () => this.page.getByRole("button", { name: "Watch Mooring's own database" });
  search = () => this.page.getByRole("searchbox");
  row = (name: string): Locator => this.page.getByRole("row").filter({ has: this.page.getByRole("link", { name, exact: true }) });
  status = (name: string) => this.row(name).getByRole("cell").first();
  open = (name: string) => this.row(name).getByRole("link", { name, exact: true });
}

export class ConnectionForm {
  constructor(private page: Page) {}
  url = () => this.page.getByLabel("Paste a URL");
  takeUrl = () => this.page.getByRole("button", { name: "Fill in" });
  provider = (name: string) => this.page.getByRole("group", { name: "Provider" }).getByText(name, { exact: true });
  name = () => this.page.getByLabel("Name", { exact: true });
  host = () => this.page.getByLabel("Host", { exact: true });
  port = () => this.page.getByLabel("Port", { exact: true });
  database = () => this.page.getByLabel("Database", { exact: true });
  username = () => this.page.getByLabel("User", { exact: true });
  password = () => this.page.getByLabel("Password", { exact: true });
  tls = () => this.page.getByLabel("Encryption (TLS)");
  projectUrl = () => this.page.getByLabel("Project URL");
  projectId = () => this.page.getByLabel("Project ID");
  serviceAccount = () => this.page.getByLabel("Service account", { exact: true });
  replicaSet = () => this.page.getByLabel("Replica set");
  preview = () => this.page.getByText("Connects to").locator("..").locator("code");
  /** What the settings are worth. */
  review = () => this.page.getByRole("complementary", { name: "What the settings are worth" });
  grade = (letter: string) => this.review().getByText(new RegExp(`^${letter} · \\d+$`));
  finding = (text: string | RegExp) => this.review().getByRole("listitem").filter({ hasText: text });
  test = () => this.page.getByRole("button", { name: "Test", exact: true });
  save = () => this.page.getByRole("button", { name: "Save", exact: true });
  phase = (name: string) =>
    this.page.getByRole("list", { name: "Phases" }).getByRole("listitem").filter({ hasText: name });
}

export class Dashboard {
  constructor(private page: Page) {}
  heading = (name: string) => this.page.getByRole("heading", { name, level: 1 });
  status = () => this.page.getByRole("banner").or(this.page.locator("header")).getByText(/^(Healthy|Degraded|Down|Unknown|Paused)$/);
  checkNow = () => this.page.getByRole("button", { name: "Check now" });
  pause = () => this.page.getByRole("button", { name: "Pause", exact: true });
  resume = () => this.page.getByRole("button", { name: "Resume", exact: true });
  range = (label: string) => this.page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: label, exact: true });
  part = (title: string) => this.page.getByRole("heading", { name: title, level: 2 });
  /** Where charts are drawn: the phases, then the history. */
  canvases = () => this.page.locator("canvas");
  asTable = () => this.page.getByText("Show as table");
  phasesTable = () => this.page.getByRole("table", { name: "Where the time goes, phase by phase, as a table" });
  recentChecks = () => this.page.getByRole("table", { name: "Recent checks" }).locator("tbody").getByRole("row");
  errors = () => this.page.getByRole("table", { name: "Errors" });
}

export class Tokens {
  constructor(private page: Page) {}
  name = () => this.page.getByLabel("Name", { exact: true });
  make = () => this.page.getByRole("button", { name: "Make the token" });
  shown = () => this.page.getByText(/^mrg_[\w-]+$/);
  row = (name: string) => this.page.getByRole("row").filter({ hasText: name });

  async revoke(name: string) {
    await this.row(name).getByText("Revoke", { exact: true }).click();
    await this.row(name).getByRole("button", { name: `Revoke ${name}` }).click();
  }
}
