// A Mooring to talk to: the one that MOORING_URL and MOORING_TOKEN name, or else one that is started here on a
// database of its own, with a connection to the server that holds it.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const binary = resolve(root, process.env.MOORING_BINARY ?? "target/debug/mooring");
const email = "program@example.org";
const password = "quiet harbour lantern 47 moss";

/** Starts it. `sql` runs a statement on Mooring's own database, for rows that no call makes. */
export async function start() {
  const superuser = process.env.MOORING_TEST_DATABASE_URL;
  if (!superuser) throw new Error("run this by way of .ci/with-postgres, or set MOORING_URL and MOORING_TOKEN");
  const name = `mooring_supabase_${process.pid}`;
  const psql = (url, statement) =>
    execFileSync("psql", ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", url], {
      input: statement,
      encoding: "utf8",
    }).trim();
  psql(superuser, `create database ${name} owner mooring`);
  const database = new URL(superuser);
  database.username = "mooring";
  database.pathname = `/${name}`;

  const folder = mkdtempSync(join(tmpdir(), "mooring-supabase-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    ...process.env,
    DATABASE_URL: database.href,
    MOORING_ADDR: `127.0.0.1:${port}`,
    MOORING_DATA_DIR: join(folder, "data"),
    // What is checked is what the test asks for.
    MOORING_SCHEDULER: "off",
    RUST_LOG: "info",
  };
  const command = (args, input) =>
    execFileSync(binary, args, { env: { ...environment, RUST_LOG: "error" }, input, encoding: "utf8" }).trim();

  const log = join(folder, "log");
  let mooring;
  const stop = async () => {
    if (mooring && mooring.exitCode === null) {
      const ended = new Promise((done) => mooring.once("exit", done));
      mooring.kill("SIGTERM");
      await ended;
    }
    psql(superuser, `drop database if exists ${name} with (force)`);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    command(["user", "add", email, "--admin", "--password-stdin"], password);
    const token = command(["token", "add", email, "--name", "supabase-js"]);
    const settings = { host: database.hostname, port: Number(database.port), username: "postgres", database: "postgres" };
    const connection = ["connection", "add", email, "--name", "orders", "--provider", "postgresql", "--settings-stdin"];
    const credentialId = command(connection, JSON.stringify(settings));
    const userId = psql(database.href, `select id from users where email = '${email}'`);

    const out = openSync(log, "w");
    mooring = spawn(binary, ["serve"], { env: environment, stdio: ["ignore", out, out] });
    await until(async () => {
      if (mooring.exitCode !== null) throw new Error(`Mooring ended:\n${readFileSync(log, "utf8").slice(-2000)}`);
      return fetch(`${url}/healthz`).then((answer) => answer.ok, () => false);
    });
    return { url, email, password, token, credentialId, userId, settings, sql: (statement) => psql(database.href, statement), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function freePort() {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

async function until(ready) {
  const end = Date.now() + 60_000;
  while (!(await ready())) {
    if (Date.now() > end) throw new Error("Mooring did not start within a minute");
    await new Promise((next) => setTimeout(next, 100));
  }
}
