/** The settings of the server. */

import type { HeaderField, ListenAddress } from "./value_types.ts";

/**
 * The value of every option, by its name in camelCase. What each means stands
 * in the option table (`table.ts`) and in `pagi-server --help`.
 *
 * The names and types are written down here, and not taken from the table,
 * because JSR wants public types explicit; the compiler keeps the two equal.
 * `null` means "not given" where there is no default.
 */
export interface Settings {
  readonly lib: readonly string[];
  readonly app: string | null;
  readonly eval: string | null;
  readonly module: readonly string[];
  readonly envFile: readonly string[];
  readonly env: "development" | "production" | "none" | null;
  readonly config: string | null;
  readonly noConfig: boolean;
  readonly noDefaultMiddleware: boolean;
  readonly lifespan: "auto" | "on" | "off";

  readonly host: string;
  readonly port: number;
  readonly socket: string | null;
  /** Permission bits. */
  readonly socketMode: number | null;
  readonly listen: readonly ListenAddress[];
  readonly listenerBacklog: number | null;
  readonly allowedHosts: readonly string[];
  readonly http2: boolean;
  readonly sslCert: string | null;
  readonly sslKey: string | null;
  readonly sslSelfSigned: boolean;

  readonly proxyHeaders: boolean;
  readonly trustedProxies: readonly string[];
  readonly rootPath: string;
  readonly header: readonly HeaderField[];

  readonly workers: number;
  readonly reuseport: boolean;
  readonly maxRequests: number;
  /** Seconds, as all timeouts. */
  readonly heartbeatTimeout: number;
  readonly channelsBackend: string | null;
  readonly daemonize: boolean;
  readonly pid: string | null;
  readonly user: string | null;
  readonly group: string | null;
  readonly loop: string | null;

  readonly maxConnections: number;
  /** Bytes, as all sizes and watermarks. */
  readonly maxBodySize: number;
  readonly maxHeaderSize: number;
  readonly maxHeaderCount: number;
  /** Messages. */
  readonly maxReceiveQueue: number;
  readonly maxWsFrameSize: number;
  readonly writeHighWatermark: number;
  readonly writeLowWatermark: number;

  readonly timeout: number;
  readonly requestTimeout: number;
  readonly wsIdleTimeout: number;
  readonly sseIdleTimeout: number;
  readonly lifespanStartupTimeout: number;
  readonly shutdownTimeout: number;
  readonly shutdownDelay: number;

  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly logFile: string | null;
  readonly logFormat: "text" | "json";
  readonly accessLog: string | null;
  readonly accessLogFormat: string;
  readonly noAccessLog: boolean;
  readonly metrics: { readonly host: string; readonly port: number } | null;
  readonly quiet: boolean;
  readonly reload: boolean;
  readonly reloadDir: readonly string[];
  readonly reloadInclude: readonly string[];
  readonly open: boolean;
  readonly qr: boolean;
}

/** Settings with their defaults, and what follows from which were given. */
export interface ResolvedSettings extends Settings {
  /**
   * Seconds until a response has to start; 0 is without limit. This is
   * `timeout` where that was given, and 0 where it has its default, which is
   * for idle connections only.
   */
  readonly responseStartTimeout: number;
}
