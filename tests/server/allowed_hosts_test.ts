/** Which names of the server requests may use (--allowed-hosts). */

import type { Settings } from "../../src/options/settings.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import {
  compileAllowedHosts,
  type ListeningPlace,
} from "../../src/server/request/allowed_hosts.ts";
import type { RequestHead } from "../../src/server/request/head.ts";
import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { UPGRADE } from "../helpers/raw_websocket.ts";
import { appFor } from "../helpers/scope_app.ts";
import { withServer } from "../helpers/with_server.ts";

const LOOPBACK: ListeningPlace = {
  host: "127.0.0.1",
  address: "127.0.0.1",
  secure: false,
};

/** The status that a request for `host` is refused with; null for none. */
function statusFor(
  allowedHosts: string | string[],
  place: ListeningPlace,
  host: string,
  origin?: string,
): number | null {
  const settings = resolveSettings(
    { allowedHosts } as unknown as Partial<Settings>,
  );
  const check = compileAllowedHosts(settings, place);
  const headers = [["host", host]];
  if (origin !== undefined) headers.push(["origin", origin]);
  const kind = origin === undefined ? "http" : "websocket";
  return check?.({ kind, host, headers } as RequestHead)?.status ?? null;
}

const HERE = [
  "localhost",
  "LOCALHOST:80",
  "localhost.",
  "app.localhost:5000",
  "127.0.0.1",
  "127.9.8.7:5000",
  "[::1]:5000",
  "[::1]",
  "[0:0:0:0:0:0:0:1]:1",
  "[::ffff:127.0.0.1]:80",
];
const ELSEWHERE = [
  "evil",
  "evil.example:5000",
  "localhost.evil.example",
  "evil-localhost",
  "127.0.0.1.evil.example",
  "128.0.0.1",
  "0.0.0.0:5000",
  "192.168.0.1",
  "[::2]",
  "[::]:80",
];

Deno.test("without the option any host may be named", () => {
  for (const host of [...HERE, ...ELSEWHERE]) {
    assertEquals(statusFor([], LOOPBACK, host, "http://evil"), null, host);
    assertEquals(statusFor(["*", "a"], LOOPBACK, host, "null"), null, host);
  }
});

Deno.test("loopback allows the names and addresses of this machine, where it is asked there", () => {
  for (const host of HERE) {
    assertEquals(statusFor("loopback", LOOPBACK, host), null, host);
  }
  for (const host of ELSEWHERE) {
    assertEquals(statusFor("loopback", LOOPBACK, host), 421, host);
  }
  const ipv6 = { ...LOOPBACK, host: "::1", address: "::1" };
  assertEquals(statusFor("loopback", ipv6, "evil.example"), 421);
  const named = { ...LOOPBACK, host: "Mine.test" };
  assertEquals(statusFor("loopback", named, "mine.test:5000"), null);
  assertEquals(statusFor("loopback", named, "evil.test"), 421);
});

Deno.test("loopback means nothing at other addresses, at Unix sockets, and with TLS", () => {
  for (
    const place of [
      { ...LOOPBACK, address: "0.0.0.0" },
      { ...LOOPBACK, address: "192.0.2.1" },
      { ...LOOPBACK, address: "::" },
      { ...LOOPBACK, address: null },
      { ...LOOPBACK, secure: true },
    ]
  ) {
    assertEquals(statusFor("loopback", place, "evil.example"), null);
  }
});

Deno.test("names are allowed everywhere, with all below them after a dot, and this machine's own", () => {
  const names = ["Example.com", ".example.org", "*.example.net", "192.0.2.7"];
  for (
    const place of [LOOPBACK, { ...LOOPBACK, address: null, secure: true }]
  ) {
    for (
      const host of [
        ...HERE,
        "example.com",
        "EXAMPLE.com.:8443",
        "example.org",
        "a.b.example.org:1",
        "www.example.net",
        "192.0.2.7:80",
      ]
    ) assertEquals(statusFor(names, place, host), null, host);
    for (
      const host of [
        ...ELSEWHERE,
        "www.example.com",
        "notexample.org",
        "example.org.evil",
      ]
    ) assertEquals(statusFor(names, place, host), 421, host);
  }
});

Deno.test("a WebSocket is for pages of the host itself, and of those that are allowed", () => {
  const cases: [host: string, origin: string, status: number | null][] = [
    ["localhost:5000", "http://localhost:3000", null],
    ["127.0.0.1:5000", "https://app.localhost", null],
    ["example.com", "https://example.com", null],
    ["example.com", "https://a.example.org:8443", null],
    ["localhost:5000", "http://evil.example", 403],
    ["localhost:5000", "http://localhost.evil.example", 403],
    ["localhost:5000", "null", 403],
    ["localhost:5000", "", 403],
    ["localhost:5000", "xxlocalhost", 403],
    ["evil.example", "http://localhost", 421],
  ];
  for (const [host, origin, status] of cases) {
    const names = ["example.com", ".example.org"];
    assertEquals(statusFor(names, LOOPBACK, host, origin), status, origin);
  }
  assertEquals(
    statusFor("loopback", LOOPBACK, "localhost", "http://a.example"),
    403,
  );
});

Deno.test("a host that is not allowed gets 421 and a sentence, and the log says it once", async () => {
  const app = httpApp((_scope, _receive, send) => reply(send, "secret"));
  const settings = { allowedHosts: ["loopback"] };
  const log = await withServer(app, settings, async ({ connect }) => {
    for (let i = 0; i < 3; i++) {
      const client = await connect();
      await client.send("GET / HTTP/1.1\r\nHost: evil.example:5000\r\n\r\n");
      const { status, body } = await client.response();
      assertEquals(status, 421);
      assertStringIncludes(body, 'the host "evil.example"');
      assertStringIncludes(body, "--allowed-hosts");
    }
    const absolute = await connect();
    await absolute.send(
      "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assertEquals((await absolute.response()).status, 421);
    const client = await connect();
    await client.send("GET / HTTP/1.1\r\nHost: localhost:5000\r\n\r\n");
    assertEquals((await client.response()).body, "secret");
  });
  const lines = log.filter((line) => line.includes("421"));
  assertEquals(lines.length, 2);
  assertMatch(lines[1], /Repeated \d+ times in \d+ s: /);
  assertStringIncludes(lines[0], "--allowed-hosts or --proxy-headers");
});

Deno.test("a WebSocket from a page of elsewhere gets 403, and the app is not called", async () => {
  let calls = 0;
  const app = appFor("websocket", (_scope, _receive, send) => {
    calls++;
    return send({ type: "websocket.accept" });
  });
  const settings = { allowedHosts: ["loopback"] };
  await withServer(app, settings, async ({ connect }) => {
    for (
      const [fields, status] of [
        [["origin: http://evil.example"], 403],
        [["origin: http://localhost:3000"], 101],
        [[], 101],
      ] as const
    ) {
      const client = await connect();
      await client.request("GET /", ...UPGRADE, ...fields);
      assertEquals((await client.response()).status, status);
    }
  });
  assertEquals(calls, 2);
});
