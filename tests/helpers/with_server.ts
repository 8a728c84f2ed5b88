/**
 * A real server around an app, on a port of its own.
 *
 * @module
 */

import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { configureLog } from "../../src/log/log.ts";
import type { Settings } from "../../src/options/settings.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { CLIENT_TIME } from "../../src/server/drain.ts";
import { Server, type ServerRole } from "../../src/server/server.ts";
import { delay } from "./wait.ts";
import { RawConnection } from "./raw_connection.ts";

/** A server that a test talks to. */
export interface TestServer {
  readonly server: Server;
  readonly port: number;
  /** Without a slash at the end. */
  readonly url: string;
  /** What the server has logged so far. */
  readonly log: string[];
  /** Opens a plain TCP connection. */
  connect(): Promise<RawConnection>;
}

/**
 * Runs `body` against a server that serves `app`, and stops the server.
 * Nothing is written to the access log unless `settings` asks for it.
 *
 * @returns all that the server has logged, its shutdown included
 */
export async function withServer(
  app: PagiApp,
  settings: Partial<Settings>,
  body: (test: TestServer) => Promise<void>,
  role: Partial<ServerRole> = {},
): Promise<string[]> {
  const log: string[] = [];
  configureLog({ level: "debug", write: (text) => void log.push(text) });
  const quiet = "accessLog" in settings ? {} : { noAccessLog: true };
  const place = "listen" in settings || "socket" in settings ? {} : { port: 0 };
  const server = new Server(
    app,
    resolveSettings({ ...place, ...quiet, ...settings }),
    role,
  );
  await server.start();
  const [address] = server.addresses;
  const port = "port" in address ? address.port : 0;
  const opened: RawConnection[] = [];
  try {
    await body({
      server,
      port,
      url: server.urls[0]?.replace(/\/$/, "") ?? "",
      log,
      async connect() {
        const connection = await RawConnection.open(address);
        opened.push(connection);
        return connection;
      },
    });
  } finally {
    for (const connection of opened) connection.close();
    await stopAtOnce(server);
    configureLog({ level: "info" });
    // Calls of apps after the end wait for the next turn of the event loop.
    await delay(0);
  }
  return log;
}

/** Stops a server whose clients have left. */
async function stopAtOnce(server: Server): Promise<void> {
  const usual = { ...CLIENT_TIME };
  Object.assign(CLIENT_TIME, { leave: 0, firstRequest: 0 });
  try {
    await server.stop();
  } finally {
    Object.assign(CLIENT_TIME, usual);
  }
}
