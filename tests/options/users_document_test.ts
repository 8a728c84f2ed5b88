/** The user's document of `pagi-server`: its options and its examples. */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { parseCommandLine } from "../../src/options/command_line.ts";
import { LONG_NAMES } from "../../src/options/names.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import type { Settings } from "../../src/options/settings.ts";

/** Every name in the document, with the default where it states one. */
const DOCUMENT: readonly (readonly [string, Partial<Settings>?])[] = [
  ["lib I"],
  ["app a"],
  ["host h", { host: "127.0.0.1" }],
  ["port p", { port: 5000 }],
  ["workers w", { workers: 1 }],
  ["max-requests", { maxRequests: 0 }],
  ["max-connections", { maxConnections: 0 }],
  ["max-body-size", { maxBodySize: 10_000_000 }],
  ["log-level", { logLevel: "info" }],
  ["D daemonize"],
  ["pid"],
  ["user"],
  ["group"],
  ["listener_backlog b", { listenerBacklog: null }],
  ["timeout"],
  ["loop l"],
  ["ssl-cert"],
  ["ssl-key"],
  ["access-log", { accessLog: null }],
  ["no-access-log", { noAccessLog: false }],
  ["reuseport", { reuseport: false }],
  ["max-receive-queue", { maxReceiveQueue: 1000 }],
  ["max-ws-frame-size", { maxWsFrameSize: 65536 }],
  ["quiet q", { quiet: false }],
  ["help"],
];

/** What PAGI.md 6 adds. */
const ADDED: typeof DOCUMENT = [
  ["env E"],
  ["eval e"],
  ["module M"],
  ["version v"],
  ["verbose"],
  ["no-default-middleware"],
  ["socket"],
  ["socket-mode"],
  ["listen"],
  ["http2"],
  ["allowed-hosts", { allowedHosts: [] }],
  ["listener-backlog"],
  ["access-log-format", { accessLogFormat: "clf" }],
  ["lifespan", { lifespan: "auto" }],
  ["lifespan-startup-timeout", { lifespanStartupTimeout: 30 }],
  ["shutdown-timeout", { shutdownTimeout: 30 }],
  ["heartbeat-timeout", { heartbeatTimeout: 50 }],
  ["request-timeout", { requestTimeout: 0 }],
  ["ws-idle-timeout", { wsIdleTimeout: 0 }],
  ["sse-idle-timeout", { sseIdleTimeout: 0 }],
  ["max-header-size", { maxHeaderSize: 8192 }],
  ["max-header-count", { maxHeaderCount: 100 }],
  ["write-high-watermark", { writeHighWatermark: 65536 }],
  ["write-low-watermark", { writeLowWatermark: 16384 }],
];

Deno.test("every option of the user's document and of PAGI.md 6 is there, with its aliases and default", () => {
  const settings = resolveSettings({});
  for (const [names, defaults] of [...DOCUMENT, ...ADDED]) {
    const long = names.split(" ").map((name) => LONG_NAMES.get(name));
    assert(long[0] !== undefined && new Set(long).size === 1, names);
    assertEquals({ ...settings, ...defaults }, settings, names);
  }
});

const APP = "./myapp.pl";
const ROOT = ["PAGI::App::Directory", "root=/var/www"];

/** Each command line of the document. */
const EXAMPLES: readonly (readonly [
  string,
  Partial<Settings>,
  readonly string[],
])[] = [
  ["", {}, []],
  ["PAGI::App::Directory root=/var/www", {}, ROOT],
  ["./app.pl", {}, ["./app.pl"]],
  ["--app app.pl", { app: "app.pl" }, []],
  ["-p 8080 PAGI::App::Directory root=/var/www", { port: 8080 }, ROOT],
  ["-I ./lib -I ./vendor/lib ./app.pl", { lib: ["./lib", "./vendor/lib"] }, [
    "./app.pl",
  ]],
  ["--host 0.0.0.0 ./app.pl", { host: "0.0.0.0" }, ["./app.pl"]],
  ["--host 192.168.1.100 ./app.pl", { host: "192.168.1.100" }, ["./app.pl"]],
  ["/path/to/myapp.psgi", {}, ["/path/to/myapp.psgi"]],
  ["-a myapp.pl -p 3000 --ssl-cert CERT --ssl-key KEY", {
    app: "myapp.pl",
    port: 3000,
    sslCert: "CERT",
    sslKey: "KEY",
  }, []],
  ["--host 0.0.0.0 -p 8080 ./myapp.pl", { host: "0.0.0.0", port: 8080 }, [APP]],
  ["-I ./lib -I ./local/lib ./myapp.pl", { lib: ["./lib", "./local/lib"] }, [
    APP,
  ]],
  ["--loop EV ./myapp.pl", { loop: "EV" }, [APP]],
  ["--loop EV --no-access-log ./myapp.pl", { loop: "EV", noAccessLog: true }, [
    APP,
  ]],
  ["-w 4 ./myapp.pl", { workers: 4 }, [APP]],
  [
    "--host 0.0.0.0 -p 80 -w 4 -D --pid /var/run/pagi.pid ./myapp.pl",
    {
      host: "0.0.0.0",
      port: 80,
      workers: 4,
      daemonize: true,
      pid: "/var/run/pagi.pid",
    },
    [APP],
  ],
  ["--no-access-log -w 8 ./myapp.pl", { noAccessLog: true, workers: 8 }, [APP]],
  ["--reuseport -w 8 ./myapp.pl", { reuseport: true, workers: 8 }, [APP]],
  ["-w 4 --max-requests 10000 ./myapp.pl", { workers: 4, maxRequests: 10000 }, [
    APP,
  ]],
  ["--max-connections 200 ./myapp.pl", { maxConnections: 200 }, [APP]],
  ["--log-level debug ./myapp.pl", { logLevel: "debug" }, [APP]],
  ["PAGI::App::Proxy target=http://backend:3000", {}, [
    "PAGI::App::Proxy",
    "target=http://backend:3000",
  ]],
  ["PAGI::App::Directory root=/home show_hidden=1", {}, [
    "PAGI::App::Directory",
    "root=/home",
    "show_hidden=1",
  ]],
  ["PAGI::App::Redirect location=https://example.com", {}, [
    "PAGI::App::Redirect",
    "location=https://example.com",
  ]],
];

Deno.test("the examples of the user's document are read as they are meant", () => {
  const [cert, key] = [Deno.makeTempFileSync(), Deno.makeTempFileSync()];
  const real = (text: string): string =>
    text.replace("CERT", cert).replace("KEY", key);
  try {
    for (const [line, given, positionals] of EXAMPLES) {
      const args = line === "" ? [] : line.split(" ").map(real);
      const parsed = parseCommandLine(args, {});
      const expected = Object.fromEntries(
        Object.entries(given).map(([name, value]) =>
          [name, typeof value === "string" ? real(value) : value] as const
        ),
      );
      assertEquals(parsed.settings, { ...resolveSettings({}), ...expected });
      assertEquals(
        new Set<string>(parsed.sources.keys()),
        new Set(Object.keys(given)),
      );
      assertEquals(parsed.positionals, positionals);
      assertEquals(parsed.action, "run");
    }
  } finally {
    Deno.removeSync(cert);
    Deno.removeSync(key);
  }
});
