// The servers of the browser tests: Mooring itself, and the two databases that it watches. Each is kept in a
// folder, so that a test in another process can stop and start it.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";

/** The repository. */
export const root = resolve(import.meta.dirname, "..");

/** What the tests keep: the session, traces, logs. */
export const kept = join(root, "target/end2end");

/** The administrator's session, once the first run made it. */
export const session = join(kept, "session.json");

/** The login of the watched databases; the password is looked for where it must not be. */
export const login = { user: "app", password: "planted-S3cret:with/odd@signs", database: "orders" };

/** Where everything stands; written by the set-up, read by the tests. */
export interface Lab {
  folder: string;
  postgres: number;
  mariadb: number;
  url: string;
}

const labFile = join(kept, "lab.json");
export const lab = (): Lab => JSON.parse(readFileSync(labFile, "utf8"));
export const writeLab = (value: Lab) => writeFileSync(labFile, JSON.stringify(value));

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => done(port));
    });
  });
}

/** Waits until `ready` says so. */
async function until(what: string, seconds: number, ready: () => boolean | Promise<boolean>) {
  const end = Date.now() + seconds * 1000;
  while (!(await ready())) {
    if (Date.now() > end) throw new Error(`${what} did not happen within ${seconds} s`);
    await new Promise((next) => setTimeout(next, 250));
  }
}

const isRoot = process.getuid?.() === 0;
const asPostgres = (command: string, ...args: string[]) =>
  isRoot
    ? execFileSync("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", command, ...args], { cwd: "/", stdio: "pipe" })
    : execFileSync(command, args, { stdio: "pipe" });

const postgresBin = () => {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  const newest = versions.map(Number).sort((a, b) => b - a)[0];
  if (!newest) throw new Error("PostgreSQL is not installed: run 'make setup'");
  return `/usr/lib/postgresql/${newest}/bin`;
};

/** A PostgreSQL to be watched. */
export class Postgres {
  constructor(private folder: string, private port: number) {}

  create() {
    const data = join(this.folder, "data");
    mkdirSync(this.folder);
    if (isRoot) execFileSync("chown", ["postgres", this.folder]);
    asPostgres(`${postgresBin()}/initdb`, `--pgdata=${data}`, "--username=postgres", "--auth=scram-sha-256", "--auth-local=trust",
      "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", `--pwfile=${this.passwordFile()}`);
    writeFileSync(join(data, "postgresql.auto.conf"),
      `port = ${this.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '${this.folder}'\nfsync = off\n`);
    this.start();
    const quoted = login.password.replaceAll("'", "''");
    asPostgres("psql", "-XqAt", `--host=${this.folder}`, `--port=${this.port}`, "--username=postgres", "--dbname=postgres",
      `--command=create role ${login.user} login password '${quoted}'`, `--command=create database ${login.database} owner ${login.user}`);
  }

  private passwordFile() {
    const file = join(this.folder, "password");
    writeFileSync(file, "nobody-uses-this", { mode: 0o644 });
    return file;
  }

  start() {
    asPostgres(`${postgresBin()}/pg_ctl`, `--pgdata=${this.folder}/data`, `--log=${this.folder}/log`, "--wait", "--silent", "start");
  }

  stop() {
    asPostgres(`${postgresBin()}/pg_ctl`, `--pgdata=${this.folder}/data`, "--mode=fast", "--silent", "stop");
  }
}

/** A MariaDB to be watched. */
export class MariaDb {
  constructor(private folder: string, private port: number) {}

  async create() {
    mkdirSync(this.folder);
    if (isRoot) execFileSync("chown", ["mysql", this.folder]);
    execFileSync("mariadb-install-db", ["--no-defaults", `--datadir=${this.folder}/data`, "--skip-test-db",
      "--auth-root-authentication-method=normal", ...(isRoot ? ["--user=mysql"] : [])], { stdio: "pipe" });
    const quoted = login.password.replaceAll("'", "''");
    writeFileSync(join(this.folder, "first.sql"), [
      `create database ${login.database};`,
      `create user '${login.user}'@'127.0.0.1' identified by '${quoted}';`,
      `grant all on ${login.database}.* to '${login.user}'@'127.0.0.1';`,
    ].join("\n"));
    await this.start(`--init-file=${this.folder}/first.sql`);
  }

  async start(...more: string[]) {
    const log = openSync(join(this.folder, "log"), "a");
    spawn("/usr/sbin/mariadbd", ["--no-defaults", `--datadir=${this.folder}/data`, `--port=${this.port}`, "--bind-address=127.0.0.1",
      `--socket=${this.folder}/socket`, `--pid-file=${this.folder}/pid`, "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
      "--innodb-buffer-pool-size=32M", ...(isRoot ? ["--user=mysql"] : []), ...more],
      { stdio: ["ignore", log, log], detached: true }).unref();
    await until("MariaDB's start", 60, () => existsSync(`${this.folder}/socket`) && existsSync(`${this.folder}/pid`));
  }

  async stop() {
    const pid = Number(readFileSync(`${this.folder}/pid`, "utf8"));
    process.kill(pid, "SIGTERM");
    await until("MariaDB's stop", 30, () => !existsSync(`/proc/${pid}`));
  }
}

/** Mooring, as an operator would start it. */
export class Mooring {
  private process?: ChildProcess;
  readonly log = join(kept, "mooring.log");

  constructor(private folder: string, private port: number) {}

  async start() {
    const binary = resolve(root, process.env.MOORING_BINARY ?? "target/debug/mooring");
    const log = openSync(this.log, "w");
    const { DATABASE_URL: _, ...environment } = process.env;
    const mooring = spawn(binary, ["serve"], {
      cwd: root,
      env: {
        ...environment,
        MOORING_ADDR: `127.0.0.1:${this.port}`,
        MOORING_DATA_DIR: this.folder,
        MOORING_CHECK_INTERVAL: "30",
        RUST_LOG: process.env.RUST_LOG ?? "info",
      },
      stdio: ["ignore", log, log],
    });
    this.process = mooring;
    await until("Mooring's start (see target/end2end/mooring.log)", 90, async () => {
      if (mooring.exitCode !== null) throw new Error(`Mooring ended:\n${readFileSync(this.log, "utf8").slice(-2000)}`);
      return fetch(`http://127.0.0.1:${this.port}/readyz`).then((answer) => answer.ok, () => false);
    });
  }

  /** Stops it as a service manager would; its exit status. */
  async stop(): Promise<number | null> {
    const mooring = this.process;
    if (!mooring || mooring.exitCode !== null) return mooring?.exitCode ?? null;
    mooring.kill("SIGTERM");
    await until("Mooring's stop", 30, () => mooring.exitCode !== null || mooring.signalCode !== null);
    return mooring.exitCode;
  }
}
