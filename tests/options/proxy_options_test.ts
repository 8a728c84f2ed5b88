/** The options of servers that stand behind a proxy. */

import { assertEquals, assertThrows } from "../../src/std/assert.ts";
import {
  type Environment,
  parseCommandLine,
} from "../../src/options/command_line.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import type { Settings } from "../../src/options/settings.ts";

function settings(args: readonly string[], env: Environment = {}): Settings {
  return parseCommandLine(args, env).settings;
}

function refusal(args: readonly string[], env: Environment = {}): string {
  return assertThrows(() => settings(args, env), OptionError).message;
}

Deno.test("trusted proxies are separated by commas, in several options, or both", () => {
  const on = ["--proxy-headers"];
  for (
    const [args, expected] of [
      [on, ["127.0.0.1", "::1"]],
      [[...on, "--trusted-proxies", "10.0.0.0/8"], ["10.0.0.0/8"]],
      [
        [
          ...on,
          "--trusted-proxies=10.1.1.1, fd00::/8",
          "--trusted-proxies=unix:",
        ],
        ["10.1.1.1", "fd00::/8", "unix:"],
      ],
    ] as const
  ) assertEquals(settings(args).trustedProxies, expected);
  const env = { PAGI_PROXY_HEADERS: "1", PAGI_TRUSTED_PROXIES: "::1,unix:" };
  const { proxyHeaders, trustedProxies } = settings([], env);
  assertEquals([proxyHeaders, trustedProxies], [true, ["::1", "unix:"]]);
});

Deno.test("whom to trust without --proxy-headers is an error, for it would have no effect", () => {
  assertEquals(
    refusal(["--trusted-proxies", "10.0.0.1"]),
    "--trusted-proxies needs --proxy-headers too",
  );
  assertEquals(
    refusal([], { PAGI_TRUSTED_PROXIES: "10.0.0.1" }),
    "environment variable PAGI_TRUSTED_PROXIES needs --proxy-headers too",
  );
});

Deno.test("who is no proxy that can be trusted is named", () => {
  for (
    const wrong of ["*", "localhost", "10.0.0.0/33", "unix:/run/a", "::1%1"]
  ) {
    assertEquals(
      refusal(["--proxy-headers", `--trusted-proxies=127.0.0.1,${wrong}`]),
      `--trusted-proxies: "${wrong}" is not an IP address, a range such as ` +
        "10.0.0.0/8, or unix:",
    );
  }
});

Deno.test("a root path starts with a slash and ends without one", () => {
  for (
    const [given, expected] of [
      ["/app", "/app"],
      ["/app/", "/app"],
      ["/a b/café/x", "/a b/café/x"],
      ["/", ""],
      ["", ""],
    ]
  ) {
    assertEquals(settings([`--root-path=${given}`]).rootPath, expected);
    assertEquals(resolveSettings({ rootPath: expected }).rootPath, expected);
  }
  for (
    const wrong of [
      ...["app", "//evil", "/a//b", "/a//", "/\\evil", "/a?b", "/a#b", "/%20"],
      ...["https://example.com", "/a\nb", "/a\x7f"],
    ]
  ) {
    assertEquals(
      refusal([`--root-path=${wrong}`]).split(" is not ")[1],
      'a path that starts with "/", as in /app, without "?", "#" and "%"',
      wrong,
    );
  }
});

Deno.test("header fields are read as lines, as many as are given", () => {
  assertEquals(
    settings([
      "--header",
      "X-Frame-Options: DENY",
      "--header=Cache-Control:no-cache, no-store",
      "--header=Link: </a:b>; x=y\t",
      "--header=X-Empty:",
    ]).header,
    [
      ["x-frame-options", "DENY"],
      ["cache-control", "no-cache, no-store"],
      ["link", "</a:b>; x=y"],
      ["x-empty", ""],
    ],
  );
  assertEquals(
    settings([], { PAGI_HEADER: "A: b, c\n\n B: d\n" }).header,
    [["a", "b, c"], ["b", "d"]],
  );
  const { header } = resolveSettings({ header: [["X-A", "b"]] });
  assertEquals(header, [["x-a", "b"]]);
  assertEquals(resolveSettings({ header }).header, header);
});

Deno.test("what is no header field, or the server's own, is refused at the start", () => {
  for (
    const wrong of [
      ...[
        "",
        "DENY",
        ": x",
        "a b: x",
        "a\n: x",
        "a: b\r\nc: d",
        "a: \0",
        "a: €",
      ],
      ...["café: x", "a : b"],
    ]
  ) {
    assertEquals(
      refusal([`--header=${wrong}`]).split(" is not ")[1],
      'a header field, as in "Name: value"',
      wrong,
    );
  }
  for (
    const name of [
      ..."Connection Content-Length DATE Keep-Alive Transfer-Encoding Trailer"
        .split(" "),
      ..."Upgrade Sec-WebSocket-Accept sec-websocket-protocol TE".split(" "),
    ]
  ) {
    assertEquals(
      refusal([`--header=${name}: x`]),
      `--header: "${name}" is set by the server: it cannot be added to responses`,
    );
  }
  assertEquals(
    refusal(["--header=a b: c"]),
    '--header: "a b: c" is not a header field, as in "Name: value"',
  );
  for (const header of [["a", "b"], [["a"]], [["a", 1]], [{ a: "b" }], [[]]]) {
    assertThrows(
      () => resolveSettings({ header } as unknown as Partial<Settings>),
      OptionError,
      "is not a header field",
    );
  }
});

Deno.test("HTTP/2 can be asked for, and not be turned off, in whatever way", () => {
  assertEquals(settings(["--http2"]).http2, true);
  assertEquals(settings([], { PAGI_HTTP2: "1" }).http2, true);
  const why = ": Deno always offers HTTP/2 and cannot turn it off; put a " +
    "proxy that speaks only HTTP/1.1 in front";
  assertEquals(refusal(["--no-http2"]), `--no-http2${why}`);
  assertEquals(refusal(["--http2", "--no-http2"]), `--no-http2${why}`);
  assertEquals(
    refusal([], { PAGI_HTTP2: "0" }),
    `environment variable PAGI_HTTP2${why}`,
  );
  const { message } = assertThrows(() => resolveSettings({ http2: false }));
  assertEquals(message, `setting http2${why}`);
  // Only what is on can be turned off.
  assertEquals(
    refusal(["--no-quiet"]).split(";")[0],
    'unknown option "--no-quiet"',
  );
  assertEquals(settings(["--no-http2", "--http2"]).http2, true);
});
