// Starts the servers before the first test and stops them after the last.

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, kept, login, MariaDb, Mooring, Postgres, writeLab } from "./servers.ts";

export default async function start() {
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  // Outside the repository: the servers run as other users when the tests run as root.
  const folder = mkdtempSync(join(tmpdir(), "mooring-end2end-"));
  chmodSync(folder, 0o755);

  const [postgresPort, mariadbPort, port] = [await freePort(), await freePort(), await freePort()];
  const postgres = new Postgres(join(folder, "postgres"), postgresPort);
  const mariadb = new MariaDb(join(folder, "mariadb"), mariadbPort);
  const mooring = new Mooring(join(folder, "mooring"), port);
  const url = `http://127.0.0.1:${port}`;
  process.env.MOORING_TEST_URL = url;
  writeLab({ folder, postgres: postgresPort, mariadb: mariadbPort, url });

  const stop = async () => {
    const status = await mooring.stop();
    for (const database of [postgres, mariadb]) {
      try {
        await database.stop();
      } catch {
        // A test stopped it, or it never ran.
      }
    }
    rmSync(folder, { recursive: true, force: true });
    return status;
  };

  try {
    postgres.create();
    await mariadb.create();
    await mooring.start();
  } catch (error) {
    await stop();
    throw error;
  }

  return async () => {
    const status = await stop();
    const log = readFileSync(mooring.log, "utf8");
    if (status !== 0) throw new Error(`Mooring did not stop cleanly (status ${status}):\n${log.slice(-2000)}`);
    if (log.includes(login.password)) throw new Error("Mooring's log holds the password of a watched database");
  };
}
