import {
  cors,
  type CorsOptions,
  responseHeaders,
} from "../../src/middleware/cors.ts";
import { OptionError } from "../../src/options/option_error.ts";
import type { HeaderList, PagiApp } from "../../src/pagi/types.ts";
import {
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { runApp } from "../helpers/run_app.ts";

/** Says of CORS what it should not, and that it varies. */
const app: PagiApp = async (_scope, _receive, send) => {
  await send({
    type: "http.response.start",
    status: 200,
    headers: [
      ["vary", "accept-encoding"],
      ["Access-Control-Allow-Origin", "https://wrong.example"],
      ["x-a", "app"],
    ],
  });
  await send({ type: "http.response.body", body: "hello" });
};

const A = "https://a.example";

function ask(options: CorsOptions, headers: HeaderList, method = "GET") {
  return runApp(cors(options)(app), { headers, method });
}

const PREFLIGHT: HeaderList = [
  ["origin", A],
  ["access-control-request-method", "PROPFIND"],
  ["access-control-request-headers", "x-a, Range"],
  ["access-control-request-private-network", "true"],
];

Deno.test("cors=1 lets every page read, without credentials", async () => {
  for (const headers of [[], [["origin", A]], [["origin", "null"]]]) {
    const response = await ask({ cors: true }, headers as HeaderList);
    assertEquals(response.header("access-control-allow-origin"), "*");
    assertEquals(response.header("access-control-allow-credentials"), null);
    assertEquals(response.header("vary"), "accept-encoding");
    assertStringIncludes(
      response.header("access-control-expose-headers")!,
      "content-range",
    );
  }
});

Deno.test("named origins may read, with credentials; all answers vary by origin", async () => {
  const options = { cors: ["HTTPS://A.example:443", "http://localhost:3000"] };
  for (
    const [origin, allowed] of [
      [A, true],
      ["http://localhost:3000", true],
      ["http://localhost:3001", false],
      ["http://a.example", false],
      ["https://a.example.evil.example", false],
      ["null", false],
      [null, false],
    ] as const
  ) {
    const response = await ask(
      options,
      origin === null ? [] : [["origin", origin]],
    );
    const fields = ["access-control-allow-origin", "vary"].map(response.header);
    assertEquals(fields, [allowed ? origin : null, "accept-encoding, origin"]);
    assertEquals(
      response.header("access-control-allow-credentials"),
      allowed ? "true" : null,
    );
  }
});

Deno.test("preflights are answered without the app", async () => {
  const named = await ask({ cors: A }, PREFLIGHT, "OPTIONS");
  assertEquals(named.status, 204);
  assertEquals(named.headers, [
    ["access-control-allow-origin", A],
    ["access-control-allow-credentials", "true"],
    [
      "access-control-allow-methods",
      "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, PROPFIND",
    ],
    ["access-control-allow-headers", "x-a, Range"],
    ["access-control-max-age", "7200"],
    ["access-control-allow-private-network", "true"],
    [
      "vary",
      "origin, access-control-request-method, access-control-request-headers",
    ],
  ]);
  const other = await ask({ cors: "https://b.example" }, PREFLIGHT, "OPTIONS");
  assertEquals([other.status, other.headers.length], [204, 1]);
  const plain = await ask({ cors: true }, [["origin", A]], "OPTIONS");
  assertEquals(plain.text, "hello");
});

Deno.test("what is no origin is refused, and cors=0 changes nothing", async () => {
  for (
    const wrong of ["a.example", "https://a.example/x", "*", "https://*.a", "2"]
  ) {
    assertThrows(() => cors({ cors: wrong }), OptionError, "origins");
  }
  const { headers } = await ask({ cors: false }, [["origin", A]]);
  assertEquals(headers.length, 3);
});

Deno.test("headers are set in place of the app's, and no other can be smuggled in", async () => {
  const set = responseHeaders({ headers: "X-A: one\nX-B: b, c: d" })(app);
  const { headers } = await runApp(set);
  assertEquals(headers.slice(-2), [["x-a", "one"], ["x-b", "b, c: d"]]);
  assertEquals(headers.filter(([name]) => name === "x-a").length, 1);
  const pair = responseHeaders({ headers: [["x-c", "1"], "x-d: 2"] })(app);
  assertEquals((await runApp(pair)).header("x-d"), "2");
  for (
    const wrong of [
      "x-a",
      "x a: b",
      "x-a: b\0",
      "x-a: b\rx-b: c",
      "connection: x",
    ]
  ) {
    assertThrows(() => responseHeaders({ headers: wrong }), OptionError);
  }
});
