/**
 * A real server for a session.
 *
 * @module
 */

import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { configureLog } from "../../src/log/log.ts";
import type { Settings } from "../../src/options/settings.ts";
import type { PagiApp, Scope } from "../../src/pagi/types.ts";
import { Server } from "../../src/server/server.ts";
import { type Finding, hold } from "./target.ts";

/** A server, and what went wrong in its app. */
export class FuzzServer {
  /** The first thing that does not hold and that no round could be told of. */
  finding: Finding | null = null;
  readonly port: number;

  private constructor(readonly server: Server) {
    const [address] = server.addresses;
    this.port = "port" in address ? address.port : 0;
  }

  static async start(
    app: PagiApp,
    settings: Partial<Settings> = {},
  ): Promise<FuzzServer> {
    // Errors of apps are many here, and wanted.
    configureLog({ level: "error", write: () => {} });
    const server = new Server(
      app,
      resolveSettings({
        port: 0,
        noAccessLog: !("accessLog" in settings),
        lifespan: "off",
        shutdownTimeout: 5,
        ...settings,
      }),
    );
    await server.start();
    return new FuzzServer(server);
  }

  /** Stops it, and throws what was found meanwhile. */
  async stop(): Promise<void> {
    await this.server.stop();
    configureLog({ level: "info" });
    if (this.finding !== null) throw this.finding;
  }
}

/** What no scope may hold, whatever came (PAGI.md 2, 3.1). */
export function holdScope(scope: Scope): void {
  if (scope.type === "lifespan") return;
  for (const [name, value] of scope.headers) {
    hold(
      /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) &&
        /^[\t\x20-\x7e\x80-\xff]*$/.test(value),
      () => `an app sees the header ${JSON.stringify([name, value])}`,
    );
  }
  const { raw_path = "", query_string } = scope;
  hold(
    /^[\x21-\x7e\x80-\xff]+$/.test(raw_path) && !/[?#]/.test(raw_path) &&
      /^[\x21-\x7e\x80-\xff]*$/.test(query_string),
    () => `an app sees ${JSON.stringify([raw_path, query_string])}`,
  );
  if (scope.type === "websocket") return;
  hold(
    /^[!#$%&'*+\-.^_`|~0-9A-Z]+$/.test(scope.method),
    () => `an app sees the method ${JSON.stringify(scope.method)}`,
  );
}
