import { ProxyApp } from "../../src/apps/proxy.ts";
import { configureLog } from "../../src/log/log.ts";
import type { HeaderList } from "../../src/pagi/types.ts";
import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import { RawUpstream } from "../helpers/raw_upstream.ts";
import type { UpstreamPeer } from "../helpers/raw_upstream.ts";
import { runApp } from "../helpers/run_app.ts";
import type { AppRequest, AppResponse } from "../helpers/run_app.ts";
import { delay } from "../helpers/wait.ts";

/** What a client gets when the target answers so, in pieces or at once. */
async function answered(
  answer: string | ((peer: UpstreamPeer) => Promise<unknown>),
  request: AppRequest = {},
  options: Record<string, unknown> = {},
  base = "",
): Promise<AppResponse> {
  await using upstream = new RawUpstream(async (peer) => {
    await peer.head();
    if (typeof answer === "function") await answer(peer);
    else await peer.raw.send(answer);
  });
  const target = upstream.url + base;
  using proxy = new ProxyApp({ ...options, target });
  return await runApp(proxy.toApp(), request);
}

function lines(...all: string[]): string {
  return all.join("\r\n");
}

Deno.test("an answer keeps its fields in order, its body and its coding", async () => {
  const fields: HeaderList = [
    ["content-encoding", "gzip"],
    ["set-cookie", "a=1; path=/"],
    ["x-b", "caf\xe9"],
    ["set-cookie", "b=2"],
    ["x-a", "a,  b"],
    ["x-empty", ""],
    ["server", "x"],
    ["date", "Thu, 01 Jan 1970 00:00:00 GMT"],
    ["content-length", "8"],
  ];
  const head = fields.map(([name, value]) => `${name.toUpperCase()}: ${value}`);
  const response = await answered(
    lines("HTTP/1.1 200 OK", ...head, "", "not gzip"),
  );
  assertEquals(response.headers, fields);
  assertEquals(response.text, "not gzip");
  // Head and body go in one piece where they came in one.
  assertEquals(response.events.length, 2);
});

Deno.test("every status passes, with or without a reason", async () => {
  for (const status of [200, 206, 301, 404, 407, 418, 451, 500, 503, 599]) {
    const phrase = status % 2 === 0 ? "" : " Very \xe9 Well";
    const response = await answered(
      lines(`HTTP/1.1 ${status}${phrase}`, "content-length: 1", "", "x"),
    );
    assertEquals([response.status, response.text], [status, "x"]);
  }
});

Deno.test("fields of the connection to the target stay behind", async () => {
  const { headers } = await answered(lines(
    "HTTP/1.1 200 OK",
    "Connection: Keep-Alive, x-hop",
    "X-Hop: 1",
    "Keep-Alive: timeout=5",
    "Proxy-Authenticate: Basic",
    "Trailer: x",
    "Transfer-Encoding: chunked",
    "Upgrade: h2",
    "X-End: 1",
    "",
    "0",
    "",
    "",
  ));
  assertEquals(headers, [["x-end", "1"]]);
});

Deno.test("chunks become a plain body, however they are cut; trailers are dropped", async () => {
  const wire = lines(
    "HTTP/1.1 200 OK",
    "transfer-encoding: Chunked",
    "",
    '5;name="a;b"',
    "hello",
    "00A \t;x",
    "0123456789",
    "0",
    "x-trailer: 1",
    "set-cookie: evil",
    "",
    "",
  );
  assertEquals((await answered(wire)).text, "hello0123456789");
  const dripped = await answered(async ({ raw }) => {
    for (const byte of wire) await raw.send(byte);
  });
  assertEquals(dripped.text, "hello0123456789");
  assertEquals(dripped.headers, []);
});

Deno.test("a body without a length ends with the connection", async () => {
  for (const version of ["1.0", "1.1"]) {
    const { text } = await answered(
      lines(`HTTP/${version} 200 OK`, "", "to the end"),
    );
    assertEquals(text, "to the end");
  }
});

Deno.test("HEAD, 204 and 304 have no body, whatever the head says of one", async () => {
  const cases = [["HEAD", 200], ["GET", 204], ["GET", 304]] as const;
  for (const [method, status] of cases) {
    for (
      const framing of [
        "content-length: 5",
        "transfer-encoding: chunked",
        ...method === "HEAD" ? ["transfer-encoding: gzip"] : [],
      ]
    ) {
      const response = await answered(
        async ({ raw, head }) => {
          await raw.send(lines(`HTTP/1.1 ${status} X`, framing, "", ""));
          // Stays open: nothing more is to be waited for.
          await head();
        },
        { method },
      );
      assertEquals([response.status, response.text], [status, ""]);
      // A 204 announces no body, not even that of another method.
      const length = framing.startsWith("content") && status !== 204
        ? "5"
        : null;
      assertEquals(response.header("content-length"), length);
    }
  }
});

Deno.test("informational answers are passed over", async () => {
  const { status, headers } = await answered(lines(
    "HTTP/1.1 100 Continue",
    "",
    "HTTP/1.1 103 Early Hints",
    "link: </a>",
    "",
    "HTTP/1.1 200 OK",
    "x: 1",
    "content-length: 0",
    "",
    "",
  ));
  assertEquals(status, 200);
  assertEquals(headers, [["x", "1"], ["content-length", "0"]]);
});

Deno.test("a location that leads to the target leads to the proxy instead", async () => {
  const cases: [base: string, mount: string, given: string, got: string][] = [
    ["", "", "ORIGIN/x?y#z", "/x?y#z"],
    ["", "", "ORIGIN", "/"],
    ["", "", "/x", "/x"],
    ["", "", "x/../y", "x/../y"],
    ["", "", "", ""],
    ["", "", "?q", "?q"],
    ["", "", "https://other.example/", "https://other.example/"],
    ["", "", "//other.example/", "//other.example/"],
    ["", "", "ORIGIN//other.example/", "ORIGIN//other.example/"],
    ["", "", "ORIGIN.evil.example/", "ORIGIN.evil.example/"],
    ["", "", "ORIGIN1/", "ORIGIN1/"],
    ["/base", "", "ORIGIN/base/x", "/x"],
    ["/base", "", "ORIGIN/base", "/"],
    ["/base", "", "ORIGIN/base?q", "/?q"],
    ["/base", "", "ORIGIN/login", "ORIGIN/login"],
    ["/base", "", "ORIGIN/basement", "ORIGIN/basement"],
    ["/base", "", "/base/x", "/x"],
    ["/base", "", "/base//other.example/", "/base//other.example/"],
    ["/base", "", "/base/\\other.example/", "/base/\\other.example/"],
    ["", "/api", "/x", "/api/x"],
    ["/base", "/api é", "ORIGIN/base/x", "/api%20%C3%A9/x"],
  ];
  for (const [base, mount, given, expected] of cases) {
    let origin = "";
    await using upstream = new RawUpstream(async ({ raw, head }) => {
      await head();
      const location = given.replace("ORIGIN", origin);
      await raw.send(
        lines(
          "HTTP/1.1 302 X",
          `location: ${location}`,
          "content-length: 0",
          "",
          "",
        ),
      );
    });
    origin = upstream.url;
    using proxy = new ProxyApp({ target: upstream.url + base });
    const response = await runApp(proxy.toApp(), {
      target: `${mount}/`,
      rootPath: mount,
      scope: { path: "/" },
    });
    // Nothing is followed.
    assertEquals(response.status, 302);
    assertEquals(
      response.header("location"),
      expected.replace("ORIGIN", origin),
      `${base} ${mount} ${given}`,
    );
  }
});

Deno.test("an address of the host that a trusted proxy names gains the mount, once", async () => {
  const cases: [prefix: string, given: string, got: string][] = [
    ["", "https://a.example/x", "https://a.example/api/x"],
    ["", "//a.example/x", "//a.example/api/x"],
    ["", "https://a.example/api/x", "https://a.example/api/x"],
    ["/out/", "https://a.example/out/api/x", "https://a.example/out/api/x"],
    ["", "https://inner/x", "https://inner/api/x"],
    ["", "https://b.example/x", "https://b.example/x"],
  ];
  for (const trust_forwarded of [true, false]) {
    for (const [prefix, given, got] of cases) {
      const response = await answered(
        lines(
          "HTTP/1.1 302 X",
          `location: ${given}`,
          "content-length: 0\r\n\r\n",
        ),
        {
          target: "/api/",
          rootPath: "/api",
          scope: { path: "/" },
          headers: [
            ["host", "inner"],
            ["x-forwarded-host", "a.example, c.example"],
            ["x-forwarded-proto", "https"],
            ["x-forwarded-prefix", prefix],
          ],
        },
        { trust_forwarded },
      );
      const trusted = trust_forwarded || given.includes("inner");
      assertEquals(response.header("location"), trusted ? got : given);
    }
  }
});

Deno.test("an answer that is malformed or unclear is a 502", async () => {
  const ok = "HTTP/1.1 200 OK";
  const cases = [
    lines("garbage", "", ""),
    lines("HTTP/2 200 OK", "", ""),
    lines("HTTP/1.1 99 OK", "", ""),
    lines("HTTP/1.1 600 OK", "", ""),
    lines("HTTP/1.1 2000 OK", "", ""),
    lines("HTTP/1.1  200 OK", "", ""),
    lines("HTTP/1.1 101 Switching Protocols", "upgrade: x", "", ""),
    `${ok}\nx: 1\ncontent-length: 0\n\n`,
    lines(ok, "no colon", "", ""),
    lines(ok, "x : 1", "", ""),
    lines(ok, ": 1", "", ""),
    lines(ok, " folded: 1", "", ""),
    lines(ok, "x: 1", "  folded", "", ""),
    lines(ok, "x: a\rset-cookie: b", "", ""),
    lines(ok, "x: a\nset-cookie: b", "", ""),
    lines(ok, "x: a\0b", "", ""),
    lines(ok, "x\xe9: 1", "", ""),
    lines(ok, "content-length: 1", "content-length: 1", "", "x"),
    lines(ok, "content-length: 1, 1", "", "x"),
    lines(ok, "content-length: +1", "", "x"),
    lines(ok, "content-length: 0x1", "", "x"),
    lines(ok, "content-length: -1", "", "x"),
    lines(ok, "content-length:", "", "x"),
    lines(ok, "content-length: 99999999999999999999", "", "x"),
    lines(ok, "content-length: 1", "transfer-encoding: chunked", "", "1"),
    lines(ok, "transfer-encoding: gzip, chunked", "", "0", "", ""),
    lines(ok, "transfer-encoding: chunked", "transfer-encoding: x", "", ""),
    lines(ok, "transfer-encoding: chunked, chunked", "", "0", "", ""),
    lines(ok, "transfer-encoding: identity", "", "x"),
    lines(ok, "transfer-encoding: \xa0chunked", "", "0", "", ""),
    lines("HTTP/1.0 200 OK", "transfer-encoding: chunked", "", "0", "", ""),
    lines(ok, `x: ${"a".repeat(70000)}`, "", ""),
    lines(ok, "x: half a he"),
    "",
  ];
  for (const answer of cases) {
    const response = await answered(answer);
    assertEquals(
      [response.status, response.text, response.header("content-type")],
      [502, "Bad Gateway", "text/plain"],
      answer.slice(0, 200),
    );
  }
});

Deno.test("lines that end in a bare LF are refused when they come", async () => {
  const ok = "HTTP/1.1 200 OK";
  const chunked = lines(ok, "transfer-encoding: chunked", "", "");
  // The target says no more, and leaves the connection open.
  const waiting = (wire: string) =>
    answered(
      async ({ raw, head }) => {
        await raw.send(wire);
        await head();
      },
      {},
      { timeout: 0 },
    );
  for (
    const wire of [
      `${ok}\n`,
      `${ok}\ncontent-length: 0\n\n`,
      lines(ok, "x: 1\n"),
    ]
  ) {
    assertEquals((await waiting(wire)).status, 502, wire);
  }
  for (const rest of ["5\n", "5\r\nhello\n", "5\r\nhello!", "0\r\nx: 1\n"]) {
    await assertRejects(
      () => waiting(chunked + rest),
      Error,
      "malformed chunk",
    );
  }
});

Deno.test("chunk sizes may have leading zeros", async () => {
  const { text } = await answered(lines(
    "HTTP/1.1 200 OK",
    "transfer-encoding: chunked",
    "",
    "0".repeat(1000) + "5;x",
    "hello",
    "0000000000000000",
    "",
    "",
  ));
  assertEquals(text, "hello");
});

Deno.test("trailers are passed over up to a limit", async () => {
  const trailers = (count: number) =>
    answered(lines(
      "HTTP/1.1 200 OK",
      "transfer-encoding: chunked",
      "",
      "5",
      "hello",
      "0",
      ...Array.from({ length: count }, () => `x: ${"a".repeat(997)}`),
      "",
      "",
    ));
  assertEquals((await trailers(60)).text, "hello");
  await assertRejects(() => trailers(70), Error, "malformed chunk");
});

Deno.test("a status that HTTP does not have is a 502, and the log says which", async () => {
  for (const status of [600, 999]) {
    const log: string[] = [];
    configureLog({ level: "warn", write: (text) => void log.push(text) });
    try {
      const answer = lines(`HTTP/1.1 ${status} X`, "content-length: 0", "", "");
      assertEquals((await answered(answer)).status, 502);
    } finally {
      configureLog({ level: "info" });
    }
    assert(log.join("").includes(`answered with the status ${status};`));
  }
});

Deno.test("cookies, refresh and content-location lead to the mount", async () => {
  const response = await answered(
    lines(
      "HTTP/1.1 201 X",
      "Set-Cookie: a=1; Path=/base/x",
      "Set-Cookie: b=2; Domain=backend",
      "Refresh: 0; url=/base/y",
      "Content-Location: /base/z",
      "content-length: 0",
      "",
      "",
    ),
    { target: "/api/", rootPath: "/api" },
    { cookie_domain: "none" },
    "/base",
  );
  assertEquals(response.headers.slice(0, 4), [
    ["set-cookie", "a=1; Path=/api/x"],
    ["set-cookie", "b=2"],
    ["refresh", "0; url=/api/y"],
    ["content-location", "/api/z"],
  ]);
});

Deno.test("a large head passes", async () => {
  const { headers } = await answered(lines(
    "HTTP/1.1 200 OK",
    ...Array.from({ length: 60 }, (_, i) => `x-${i}: ${"a".repeat(1000)}`),
    "content-length: 0",
    "",
    "",
  ));
  assertEquals(headers.length, 61);
});

Deno.test("a body that breaks off or is malformed is cut, never ended", async () => {
  const chunked = ["HTTP/1.1 200 OK", "transfer-encoding: chunked", ""];
  const cases: [wire: string, message: string][] = [
    [
      lines("HTTP/1.1 200 OK", "content-length: 10", "", "abc"),
      "closed the connection in the middle",
    ],
    [lines(...chunked, "5", "hel"), "closed the connection in the middle"],
    [
      lines(...chunked, "5", "hello", ""),
      "closed the connection in the middle",
    ],
    [
      lines(...chunked, "5", "hello", "0", ""),
      "closed the connection in the middle",
    ],
    [lines(...chunked, "5", "helloo", "0", "", ""), "malformed chunk"],
    [lines(...chunked, "g", ""), "malformed chunk"],
    [lines(...chunked, "-1", ""), "malformed chunk"],
    [lines(...chunked, "0x5", ""), "malformed chunk"],
    [lines(...chunked, "", "5", ""), "malformed chunk"],
    [lines(...chunked, "5 5", ""), "malformed chunk"],
    [lines(...chunked, "FFFFFFFFFFFFF", ""), "malformed chunk"],
    [lines(...chunked, "5\nhello", ""), "malformed chunk"],
    [lines(...chunked, "5;" + "x".repeat(20000), ""), "malformed chunk"],
  ];
  for (const [wire, message] of cases) {
    await assertRejects(() => answered(wire), Error, message, wire);
  }
});

Deno.test("a target that resets the connection in mid-body cuts the answer", async () => {
  await assertRejects(
    () =>
      answered(async ({ raw }) => {
        await raw.send(
          lines("HTTP/1.1 200 OK", "content-length: 10", "", "abc"),
        );
        // Closing with unread bytes is what makes the kernel reset.
      }, { method: "POST", body: "x".repeat(1_000_000) }),
    Error,
    "the connection",
  );
});

Deno.test("an event stream flows through unbuffered, and may be silent", async () => {
  const { promise: seen, resolve } = Promise.withResolvers<void>();
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    await raw.send(
      lines("HTTP/1.1 200 OK", "content-type: text/event-stream", "", ""),
    );
    // Longer than the idle timeout.
    await delay(150);
    await raw.send("data: 1\n\n");
    await seen;
    await raw.send("data: 2\n\n");
  });
  using proxy = new ProxyApp({ target: upstream.url, idleTimeout: 0.1 });
  const app = proxy.toApp();
  const { events } = await runApp(
    (scope, receive, send) =>
      app(scope, receive, async (event) => {
        await send(event);
        const text = "body" in event
          ? new TextDecoder().decode(event.body as Uint8Array)
          : "";
        if (text === "data: 1\n\n") resolve();
      }),
    { type: "sse", headers: { accept: "text/event-stream" } },
  );
  assertEquals(events.map(({ type }) => type), [
    "http.response.start",
    "http.response.body", // lets the head leave
    "http.response.body",
    "http.response.body",
    "http.response.body",
  ]);
  assert("more" in events[1] && events[1].more);
});
