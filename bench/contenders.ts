/**
 * Who is measured, and how each is started.
 *
 * @module
 */

import { fromFileUrl } from "../src/std/path.ts";
import { type Launch, type Place, run } from "./command.ts";
import type { Workplace } from "./workplace.ts";

/** One server in one configuration. */
export interface Contender {
  readonly name: string;
  /** What must be installed. */
  readonly program: string;
  /** Where it runs ("server"). */
  readonly place?: Place;
  /** How to start it on a port of this machine. */
  launch(port: number, workplace: Workplace): Launch;
  /** Ours at another version, whose `main.ts` that is. */
  at?(main: string, name: string): Contender;
}

/** What our server is given beside the app. */
export interface OurOptions {
  /** What it is called in the results ("ours"). */
  readonly name?: string;
  readonly place?: Place;
  /** More options of the server. */
  options?(workplace: Workplace): readonly string[];
  /** Permissions (`-A`). */
  readonly permissions?: readonly string[];
  /** Writes an access log. */
  readonly accessLog?: boolean;
}

/** Whether a contender speaks TLS. */
export interface Encryption {
  readonly tls?: boolean;
}

const MAIN = path("../main.ts");
const PAGI_APPS = path("./apps/pagi.ts");
const BARE_APPS = path("./apps/bare.ts");
const PAGI_LIMIT = path("./apps/pagi_limit.ts");
const LIMITS = path("./apps/limits.ts");
const START_LIMIT = path("./apps/start_limit.ts");
const NODE_APPS = path("./apps/node.mjs");
const FETCH_APPS = path("./apps/fetch.ts");
const BARE_FETCH = path("./apps/bare_fetch.ts");
const BUN_FETCH = path("./apps/bun.mjs");
const APPS_FOLDER = path("./apps");

function path(relative: string): string {
  return fromFileUrl(new URL(relative, import.meta.url));
}

/** The least that a server on this engine can do: see `apps/`. */
export const LIMIT = "the engine's limit";

/** The same for a file, written as anybody would, and told nothing. */
export const AT_HAND = "bare, file and fields at hand";

/** Our server with an app of `apps/pagi.ts`. */
export function ours(app: string, options: OurOptions = {}): Contender {
  return start(
    [PAGI_APPS],
    { lifespan: false, env: { BENCH_APP: app } },
    options,
  );
}

/** Our server with a bundled app. */
export function bundled(
  app: string,
  args: (workplace: Workplace) => readonly string[],
  options: OurOptions = {},
): Contender {
  return start((workplace) => [app, ...args(workplace)], {}, options);
}

function start(
  app: readonly string[] | ((workplace: Workplace) => readonly string[]),
  setup: { lifespan?: boolean; env?: Record<string, string> },
  own: OurOptions,
  main = MAIN,
): Contender {
  const { name = "ours", place, options, permissions = ["-A"], accessLog } =
    own;
  return {
    name,
    place,
    program: "deno",
    at: (main, version) =>
      start(app, setup, { ...own, name: `${name}, ${version}` }, main),
    launch: (port, workplace) => ({
      command: Deno.execPath(),
      args: [
        "run",
        ...permissions,
        main,
        ...["--quiet", "--env", "production", "--port", String(port)],
        ...(accessLog ? [] : ["--no-access-log"]),
        ...(setup.lifespan === false ? ["--lifespan", "off"] : []),
        ...(options?.(workplace) ?? []),
        ...(typeof app === "function" ? app(workplace) : app),
      ],
      env: setup.env,
    }),
  };
}

/** Our server with a fetch handler of `apps/fetch.ts`. */
export function oursFetch(app: string): Contender {
  return start(
    [FETCH_APPS],
    { lifespan: false, env: { BENCH_APP: app } },
    {},
  );
}

/**
 * `Deno.serve` with the same handler.
 *
 * @param limited Whether it does what the promised limits need at least.
 */
export function bareFetch(app: string, limited = false): Contender {
  return {
    name: limited ? LIMIT : "bare Deno.serve",
    program: "deno",
    launch: (port) => ({
      command: Deno.execPath(),
      args: ["run", "-A", BARE_FETCH, String(port)],
      env: { BENCH_APP: app, ...(limited && { BENCH_LIMIT: "1" }) },
    }),
  };
}

/** `Bun.serve` with the same handler, or with a file of the site. */
export function bunFetch(
  app: string,
  { file }: { file?: string } = {},
): Contender {
  return {
    name: "Bun",
    program: "bun",
    launch: (port, workplace) => ({
      command: "bun",
      args: [BUN_FETCH, String(port)],
      env: {
        BENCH_APP: app,
        ...(file && { BENCH_FILE: `${workplace.site}/${file}` }),
      },
    }),
  };
}

/** What `bare` is given. */
export interface BareOptions extends Encryption {
  readonly name?: string;
  /** Writes a log. */
  readonly log?: boolean;
}

/** `Deno.serve` with an app of `apps/bare.ts`. */
export function bare(
  app: string,
  { name = "bare Deno.serve", tls, log }: BareOptions = {},
): Contender {
  return {
    name,
    program: "deno",
    launch: (port, workplace) => ({
      command: Deno.execPath(),
      args: ["run", "-A", BARE_APPS, app, String(port), ...pem(tls, workplace)],
      env: logged(log, workplace),
    }),
  };
}

function logged(
  log: boolean | undefined,
  workplace: Workplace,
): Record<string, string> {
  return log ? { BENCH_LOG: workplace.fresh("access") } : {};
}

/** What `pagiLimit` is given. */
export interface PagiLimitOptions extends BareOptions {
  /** Looks at all connections, again and again. */
  readonly guard?: boolean;
  /** How many share the port (1). */
  readonly threads?: number;
  readonly place?: Place;
}

/** An app of `apps/pagi.ts`, called by the least that can. */
export function pagiLimit(
  app: string,
  { name = LIMIT, tls, log, guard, threads, place }: PagiLimitOptions = {},
): Contender {
  return {
    name,
    place,
    program: "deno",
    launch: (port, workplace) => ({
      command: Deno.execPath(),
      args: ["run", "-A", PAGI_LIMIT, String(port), ...pem(tls, workplace)],
      env: {
        BENCH_APP: app,
        ...logged(log, workplace),
        ...(guard && { BENCH_GUARD: "1" }),
        ...(threads && { BENCH_THREADS: String(threads) }),
      },
    }),
  };
}

/** What `limit` is given. */
export interface LimitOptions extends Encryption {
  readonly name?: string;
  /** Of the site. */
  readonly file?: string;
  /** Of the site: the entries of a listing. */
  readonly folder?: string;
}

/** The least of `apps/limits.ts`, with what is of the site, or the upstream. */
export function limit(
  app: string,
  { name = LIMIT, file, folder, tls }: LimitOptions = {},
): Contender {
  return {
    name,
    program: "deno",
    launch: (port, workplace) => ({
      command: Deno.execPath(),
      args: ["run", "-A", LIMITS, app, String(port), ...pem(tls, workplace)],
      env: {
        ...(file && { BENCH_FILE: `${workplace.site}/${file}` }),
        ...(folder && { BENCH_FOLDER: `${workplace.site}/${folder}` }),
        BENCH_UPSTREAM: String(workplace.upstream),
      },
    }),
  };
}

/** The names of executables that {@linkcode compileExecutables} makes. */
const EXECUTABLES = {
  ours: "pagi-server",
  bare: "bare-server",
  limit: "limit-server",
};

/** The fetch handler whose start is measured. */
function hello(workplace: Workplace): string {
  return workplace.write(
    "hello.js",
    'const headers = { "content-type": "text/plain" };\n' +
      'export default { fetch: () => new Response("Hello from PAGI\\n", { headers }) };\n',
  );
}

/** Our server with a fetch handler of one line. */
export function oursHello(): Contender {
  return start((workplace) => [hello(workplace)], { lifespan: false }, {});
}

/** Our executable with the same. */
export function oursExecutable(): Contender {
  return {
    name: "ours",
    program: "deno",
    launch: (port, workplace) => ({
      command: workplace.path(EXECUTABLES.ours),
      args: [
        ...["--quiet", "--env", "production", "--port", String(port)],
        ...["--no-access-log", "--lifespan", "off", hello(workplace)],
      ],
    }),
  };
}

/** The least that starts, with the same handler. */
export function startLimit({ executable = false } = {}): Contender {
  return {
    name: LIMIT,
    program: "deno",
    launch: (port, workplace) => ({
      command: executable ? workplace.path(EXECUTABLES.limit) : Deno.execPath(),
      args: [
        ...(executable ? [] : ["run", "-A", START_LIMIT]),
        ...["--port", String(port), hello(workplace)],
      ],
    }),
  };
}

/** An app of `apps/bare.ts` as an executable. */
export function bareExecutable(app: string): Contender {
  return {
    name: "bare Deno.serve",
    program: "deno",
    launch: (port, workplace) => ({
      command: workplace.path(EXECUTABLES.bare),
      args: [app, String(port)],
    }),
  };
}

/**
 * Compiles all executables, with `compile.sh`, and with the same Deno and
 * runtime (`DENO`, `DENORT_BIN`); the limit is bundled before, as ours is.
 *
 * @throws {NotThere} When that fails, as without a runtime or a network.
 */
export function compileExecutables(workplace: Workplace): void {
  run({ command: path("../compile.sh"), args: [] });
  Deno.copyFileSync(
    path("../dist/pagi-server"),
    workplace.path(EXECUTABLES.ours),
  );
  const command = Deno.env.get("DENO") ?? Deno.execPath();
  const bundle = workplace.path("limit.js");
  const bundling = ["--quiet", "--output", bundle, START_LIMIT];
  try {
    run({ command, args: ["bundle", "--conditions", "browser", ...bundling] });
  } catch {
    // Not every Deno lets one choose.
    run({ command, args: ["bundle", ...bundling] });
  }
  const options = ["--quiet", "--no-config", "--no-check", "--allow-all"];
  const compile = (name: string, program: string) =>
    run({
      command,
      args: [
        ...["compile", ...options, "--no-code-cache"],
        ...["--output", workplace.path(name), program],
      ],
    });
  compile(EXECUTABLES.bare, BARE_APPS);
  compile(EXECUTABLES.limit, bundle);
}

/** Node's http or http2 with an app of `apps/node.mjs`. */
export function node(app: string, { tls }: Encryption = {}): Contender {
  return {
    name: tls ? "Node http2" : "Node http",
    program: "node",
    launch: (port, workplace) => ({
      command: "node",
      args: [NODE_APPS, app, String(port), ...pem(tls, workplace)],
    }),
  };
}

function pem(tls: boolean | undefined, workplace: Workplace): string[] {
  return tls ? [workplace.certificate, workplace.key] : [];
}

/** uvicorn, with uvloop and httptools, with an app of `apps/asgi.py`. */
export function uvicorn(app: string): Contender {
  return {
    name: "uvicorn",
    program: "uvicorn",
    launch: (port) => ({
      command: "uvicorn",
      args: [
        ...["--loop", "uvloop", "--http", "httptools", "--lifespan", "off"],
        ...["--no-access-log", "--log-level", "warning", "--backlog", "2048"],
        // A turn of the others may take long on a machine with much other work.
        ...["--timeout-keep-alive", "60"],
        ...["--app-dir", APPS_FOLDER, "--port", String(port), "asgi:app"],
      ],
      env: { BENCH_APP: app, PYTHONDONTWRITEBYTECODE: "1" },
    }),
  };
}

/** nginx as one process with one `server { … }`; see `fill`. */
export function nginx(
  server: string,
  { http = "", tls }: { http?: string } & Encryption = {},
): Contender {
  return {
    name: "nginx",
    program: "nginx",
    launch(port, workplace) {
      const { folder, certificate, key } = workplace;
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((kind) => `${kind}_temp_path "${folder}/${kind}";`).join(" ");
      const encryption = tls
        ? `ssl_certificate "${certificate}"; ssl_certificate_key "${key}";`
        : "";
      const text = `daemon off; master_process off; worker_processes 1;
        pid "${workplace.fresh("nginx.pid")}"; error_log stderr crit;
        worker_rlimit_nofile 20000;
        events { worker_connections 16000; }
        http {
          access_log off; sendfile on; tcp_nopush on; ${temporary}
          keepalive_requests 1000000000; keepalive_timeout 60;
          types { application/pdf pdf; } ${http}
          server {
            listen 127.0.0.1:${port} backlog=2048${tls ? " ssl http2" : ""};
            ${encryption} ${server}
          }
        }`;
      const file = workplace.write(`nginx-${port}`, fill(text, workplace));
      return { command: "nginx", args: ["-p", folder, "-c", file] };
    },
  };
}

/** Caddy with one site; see `fill`. */
export function caddy(site: string, { tls }: Encryption = {}): Contender {
  return {
    name: "Caddy",
    program: "caddy",
    launch(port, workplace) {
      const { folder, certificate, key } = workplace;
      const scheme = tls ? "https" : "http";
      const text = `{
  admin off
  auto_https off
}
${scheme}://127.0.0.1:${port} {
  bind 127.0.0.1
  ${tls ? `tls "${certificate}" "${key}"` : ""}
  ${site}
}
`;
      const file = workplace.write(`caddy-${port}`, fill(text, workplace));
      return {
        command: "caddy",
        args: ["run", "--adapter", "caddyfile", "--config", file],
        env: { XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
      };
    },
  };
}

/** lighttpd with some lines of its configuration; see `fill`. */
export function lighttpd(lines = ""): Contender {
  return {
    name: "lighttpd",
    program: "lighttpd",
    launch(port, workplace) {
      const text = `server.document-root = SITE
server.bind = "127.0.0.1"
server.port = ${port}
server.listen-backlog = 2048
server.max-fds = 20000
server.max-connections = 16000
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 60
mimetype.assign = ( ".pdf" => "application/pdf", ".txt" => "text/plain" )
${lines}
`;
      const file = workplace.write(`lighttpd-${port}`, fill(text, workplace));
      return { command: "lighttpd", args: ["-D", "-f", file] };
    },
  };
}

/** SITE stands for the folder of files, UPSTREAM for a port. */
function fill(text: string, { site, upstream }: Workplace): string {
  return text.replaceAll("SITE", `"${site}"`)
    .replaceAll("UPSTREAM", String(upstream));
}
