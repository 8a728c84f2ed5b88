/**
 * Serving an app from code.
 *
 * @module
 */

import { configureLog } from "../log/log.ts";
import type { ListenAddress } from "../options/address.ts";
import type { PagiApp } from "../pagi/types.ts";
import { refuseProgramSettings, type ServeSettings } from "./serve_settings.ts";
import { Server } from "./server.ts";

/** How to serve: settings, and what ends the server. */
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
      `serve was given ${typeof app} for an app; an app is a function of scope, receive and send.`,
    );
  }
  const { signal, ...settings } = options;
  refuseProgramSettings(settings);
  const server = new Server(app, settings);
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
