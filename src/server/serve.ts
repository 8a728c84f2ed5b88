/** Serving an app from code. */

import { configureLog } from "../log/log.ts";
import type { ListenAddress } from "../options/value_types.ts";
import { OptionError } from "../options/option_error.ts";
import { resolveSettings } from "../options/resolve_settings.ts";
import type { Settings } from "../options/settings.ts";
import type { PagiApp } from "../pagi/types.ts";
import { Server } from "./server.ts";

/** Settings, and a signal that stops the server. */
export interface ServeOptions extends ServeSettings {
  /** Stops the server when it is aborted. */
  readonly signal?: AbortSignal;
}

/** A server that has started. */
export interface RunningServer extends AsyncDisposable {
  /** The first address as a URL: `http://127.0.0.1:5000/`, `unix:/run/app`. */
  readonly url: string;
  /** All addresses as they were bound. */
  readonly addresses: readonly ListenAddress[];
  /** Resolves when the server has stopped, for whatever reason. */
  readonly finished: Promise<void>;
  /**
   * Stops: takes no more connections, ends event streams and WebSockets, waits
   * up to `shutdownTimeout` seconds for running requests, and shuts the app
   * down. Resolves when all that is done; a second call ends the waiting.
   */
  stop(): Promise<void>;
}

/**
 * Starts the app and serves it; resolves when connections are accepted (PAGI.md
 * 6, "In code").
 *
 * ```ts
 * const server = await serve(app, { port: 0, noAccessLog: true });
 * console.log(server.url);
 * await server.stop();
 * ```
 *
 * The server takes no signals of the system and ends no process. `logLevel`,
 * when given, holds for all servers of this thread.
 *
 * @throws {OptionError} For a setting that is unknown, wrong, or means
 * something to the program `pagi-server` only, `workers` for one.
 * @throws {StartupError} When the app does not start.
 * @throws {ListenError} When an address cannot be listened at.
 * @throws The reason of `signal`, when it is aborted before the start is over.
 */
export async function serve(
  app: PagiApp,
  options: ServeOptions = {},
): Promise<RunningServer> {
  if (typeof app !== "function") {
    throw new TypeError(
      `serve() expects an app, a function of scope, receive and send, and got ${typeof app}.`,
    );
  }
  const { signal, ...settings } = options;
  refuseProgramSettings(settings);
  const server = new Server(app, resolveSettings(settings));
  signal?.throwIfAborted();
  if (settings.logLevel != null) configureLog({ level: settings.logLevel });

  const finished = Promise.withResolvers<void>();
  const stop = (): Promise<void> => {
    signal?.removeEventListener("abort", stop);
    const stopped = server.stop();
    stopped.then(finished.resolve, finished.reject);
    return stopped;
  };
  signal?.addEventListener("abort", stop);
  try {
    await server.start();
  } catch (error) {
    signal?.removeEventListener("abort", stop);
    throw signal?.aborted ? signal.reason : error;
  }
  if (signal?.aborted) {
    await finished.promise;
    throw signal.reason;
  }
  const { addresses } = server;
  return {
    url: server.urls[0] ?? unixUrl(addresses[0]),
    addresses,
    finished: finished.promise,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function unixUrl(address: ListenAddress): string {
  return "path" in address ? `unix:${address.path}` : "";
}

/** Settings of the program `pagi-server`: its processes, log and app. */
export const PROGRAM_SETTINGS = [
  "lib",
  "app",
  "eval",
  "module",
  "envFile",
  "env",
  "noDefaultMiddleware",
  "workers",
  "reuseport",
  "maxRequests",
  "metrics",
  "shutdownDelay",
  "heartbeatTimeout",
  "channelsBackend",
  "daemonize",
  "pid",
  "user",
  "group",
  "loop",
  "logFile",
  "logFormat",
  "quiet",
] as const;

/** Settings that `serve()` does not take. */
export type ProgramSetting = (typeof PROGRAM_SETTINGS)[number];

/**
 * Settings by their option's name in camelCase (`--max-body-size` is
 * `maxBodySize`), each with the default of the command line.
 */
export type ServeSettings = Partial<Omit<Settings, ProgramSetting>>;

/**
 * Refuses the program's settings; the others are checked where they are used.
 *
 * @throws {OptionError} When one is given.
 */
export function refuseProgramSettings(given: ServeSettings): void {
  for (const key of PROGRAM_SETTINGS) {
    if ((given as Partial<Settings>)[key] == null) continue;
    throw new OptionError(
      `setting ${key} is for the program pagi-server; a server in code is one server in this process`,
    );
  }
}
