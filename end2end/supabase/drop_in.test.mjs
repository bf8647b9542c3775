// The examples of the page "Use it from programs", taken from the page as it is shown with a token just made, and run.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { start } from "./server.mjs";

const root = resolve(import.meta.dirname, "../..");
let server;
let home;
/** What each example says, by its title. */
let examples;
let token;

before(async () => {
  server = await start();
  home = mkdtempSync(join(tmpdir(), "mooring-drop-in-"));
  const browser = new Browser(server.url);
  await browser.post("/sign-in", "sign_in", { email: server.email, password: server.password });
  const page = await browser.post("/settings/drop-in", "create_token", { name: "drop-in", scope: "full" });
  const cards = page.replaceAll("<!>", "");
  const shown = [...cards.matchAll(/<h2>([^<]+)<\/h2>(?:(?!<h2>)[^])*?<pre[^>]*class="example"[^>]*><code>([^]*?)<\/code>/g)];
  examples = new Map(shown.map(([, title, text]) => [title, plain(text)]));
  token = examples.get("curl")?.match(/mrg_[\w-]+/)?.[0];
  assert.notEqual(token, "mrg_YOUR_TOKEN", "the examples hold the token that was just made");
});

after(async () => {
  await server?.stop();
  if (home) rmSync(home, { recursive: true, force: true });
});

/** One who follows forms and redirects and keeps cookies. */
class Browser {
  cookies = new Map();

  constructor(url) {
    this.url = url;
  }

  async get(path) {
    const headers = { accept: "text/html", cookie: [...this.cookies].map((pair) => pair.join("=")).join("; ") };
    return this.#answer(await fetch(new URL(path, this.url), { headers, redirect: "manual" }));
  }

  /** Fills the form of a page whose action ends with `name`. */
  async post(path, name, fields) {
    const page = await this.get(path);
    const action = page.match(new RegExp(`action="([^"]*/${name}\\d*)"`))?.[1];
    assert.ok(action, `${path} has the form ${name}`);
    const headers = {
      accept: "text/html",
      origin: this.url,
      referer: new URL(path, this.url).href,
      cookie: [...this.cookies].map((pair) => pair.join("=")).join("; "),
    };
    const body = new URLSearchParams(fields);
    return this.#answer(await fetch(new URL(action, this.url), { method: "POST", headers, body, redirect: "manual" }));
  }

  async #answer(answer) {
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
      this.cookies.set(name, value);
    }
    const location = answer.headers.get("location");
    return location ? this.get(location) : answer.text();
  }
}

/** The text of HTML without elements. */
const plain = (html) =>
  html
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#x27;", "'")
    .replaceAll("&amp;", "&");

const shell = (command) =>
  execFileSync("sh", ["-e"], { input: command, encoding: "utf8", env: { ...process.env, HOME: home }, stdio: ["pipe", "pipe", "inherit"] });

const checks = () => Number(server.sql("select count(*) from database_connection_health"));

/** Runs something, and sees to it that every connection was checked by it. */
function checking(run) {
  const before = checks();
  const outcome = run();
  assert.ok(checks() > before, "a check was made");
  return outcome;
}

test("supabase-js", () => {
  const program = `${examples.get("supabase-js")}\nconsole.log(JSON.stringify({ sweep, error, checks, uptime }))`;
  const printed = checking(() =>
    execFileSync(process.execPath, ["--experimental-websocket", "--no-warnings", "--input-type=module"], {
      cwd: root,
      input: program,
      encoding: "utf8",
    }),
  );
  const { sweep, error, checks: last, uptime } = JSON.parse(printed);
  assert.equal(error, null);
  assert.equal(sweep.success, true);
  assert.equal(last[0].credential_id, server.credentialId);
  assert.equal(uptime, 100);
});

test("curl", () => {
  const [sweep, last] = checking(() => shell(examples.get("curl")))
    .replace(/}\s*\[/, "}\n[")
    .split("\n[")
    .map((text, place) => JSON.parse(place ? `[${text}` : text));
  assert.equal(sweep.success, true);
  assert.equal(last[0].credential_id, server.credentialId);
});

test("crontab", () => {
  const lines = examples.get("crontab").split("\n");
  shell(lines.filter((line) => line.startsWith("#   ")).map((line) => line.slice(1)).join("\n"));
  assert.equal(statSync(join(home, ".mooring-header")).mode & 0o777, 0o600, "nobody else reads the token");
  const entry = lines.find((line) => line.startsWith("*/5 * * * * "));
  assert.ok(!entry.includes("%"), "to cron that ends a line");
  assert.ok(!entry.includes(token), "no list of processes shows the token");
  checking(() => shell(entry.slice("*/5 * * * * ".length)));
});

test("pg_cron", async () => {
  // The extensions are not here: what they take is, and what they are told is done.
  server.sql(`
    create schema cron;
    create schema net;
    create table net.told (url text, headers jsonb, body jsonb);
    create function net.http_post(url text, body jsonb default '{}', params jsonb default '{}',
                                  headers jsonb default '{}', timeout_milliseconds integer default 5000)
      returns bigint language sql as $f$ insert into net.told values (url, headers, body) returning 1::bigint $f$;
    create function cron.schedule(job_name text, schedule text, command text)
      returns bigint language plpgsql as $f$ begin execute command; return 1; end $f$;`);
  server.sql(examples.get("pg_cron"));
  const { url, headers, body } = JSON.parse(server.sql("select to_json(told) from net.told"));
  const before = checks();
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 200);
  assert.ok(checks() > before);
});

test("GitHub Actions", () => {
  const [, folded] = examples.get("GitHub Actions").split("run: >\n");
  const command = folded.split("\n").map((line) => line.trim()).join(" ");
  checking(() => shell(command.replace("${{ secrets.MOORING_TOKEN }}", token)));
});

test("Prometheus", async () => {
  const text = examples.get("Prometheus");
  const part = (name) => text.match(new RegExp(`${name}: \\[?'?([^'\\]\\n]+)`))[1];
  const answer = await fetch(`${part("scheme")}://${part("targets")}/metrics`, {
    headers: { authorization: `Bearer ${part("credentials")}` },
  });
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /^# (?:HELP|TYPE) mooring_/m);
});
