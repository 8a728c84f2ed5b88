import {
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { checkHttpEvent } from "../../src/pagi/http_events.ts";
import {
  assertFieldRefused,
  assertForeignRefused,
  assertHeadersChecked,
  assertTaken,
  NOT_BYTES,
  NOT_COUNTS,
  NOT_FLAGS,
  NOT_STATUSES,
  NOT_STRINGS,
} from "./event_cases.ts";

const check: (event: unknown) => void = checkHttpEvent;
const start = { type: "http.response.start", status: 200 };
const body = { type: "http.response.body" };
const fh = { read: () => Promise.resolve(null) };

Deno.test("an http scope takes its four events with all their fields (PAGI.md 11, 12)", () => {
  assertTaken(check, [
    start,
    { ...start, status: 599, headers: [["a", "b"]], trailers: 1 },
    { ...start, status: 204, headers: null, trailers: undefined },
    body,
    { ...body, body: "caf\u00e9 \u{1f600}", more: 1 },
    { ...body, body: new Uint8Array(3), more: true },
    { ...body, body: "", more: 0 },
    { ...body, body: new Uint8Array(0), more: false },
    { ...body, body: null, file: undefined, fh: null, more: null },
    { ...body, file: "/tmp/x", offset: 0, length: 2 ** 40 },
    { ...body, file: "x", offset: null, length: undefined },
    { ...body, fh },
    { ...body, fh: { ...fh, seek: () => Promise.resolve(0) }, offset: 5 },
    { type: "http.response.trailers" },
    { type: "http.response.trailers", headers: [["a", "b"]] },
    { type: "http.fullflush" },
  ]);
});

Deno.test("extra fields change nothing (PAGI.md 4)", () => {
  assertTaken(check, [
    { ...start, reason: 1, body: {}, "x-mine": Symbol("s") },
    { ...body, body: "x", offset: "none", length: -1, status: "x" },
    { type: "http.fullflush", headers: 1, more: "x" },
  ]);
});

Deno.test("an event is read through its prototype and getters too", () => {
  class Start {
    type = "http.response.start";
    get status(): number {
      return 200;
    }
  }
  check(new Start());
});

Deno.test("an http scope refuses what is no event or belongs to other scopes (PAGI.md 3)", () => {
  assertForeignRefused(check, "http", [
    "sse.start",
    "sse.http.response.start",
    "websocket.accept",
    "websocket.http.response.body",
    "lifespan.startup.complete",
    "http.request",
    "http.response.push",
    "pagi.x",
    "ext.x",
  ]);
});

Deno.test("a response start needs an integer status from 200 to 599 (PAGI.md 5)", () => {
  assertFieldRefused(check, start, "status", [
    undefined,
    null,
    ...NOT_STATUSES,
  ]);
});

Deno.test("a response start refuses unsafe header lists (PAGI.md 5, 8, 9)", () => {
  assertHeadersChecked(check, start);
});

Deno.test("what is taken, the engine can write; other control characters would end the process (PAGI.md 8)", async () => {
  const units = Array.from({ length: 0x180 }, (_, i) => String.fromCharCode(i));
  const takenOf = (header: (unit: string) => [string, string]) =>
    units.filter((unit) => {
      try {
        check({ ...start, headers: [header(unit)] });
        return true;
      } catch {
        return false;
      }
    }).join("");
  const name = takenOf((unit) => [unit, ""]);
  const value = `<${takenOf((unit) => ["a", unit])}>`;
  assertEquals([name.length, value.length], [77, 226]);

  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("ok", { headers: [[name, value]] }),
  );
  const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
  assertEquals(await response.text(), "ok");
  assertEquals(response.headers.get(name), value);
  await server.shutdown();
});

Deno.test("trailers refuse unsafe header lists (PAGI.md 10)", () => {
  assertHeadersChecked(check, { type: "http.response.trailers" });
});

Deno.test("a header name is checked anew after it was refused, and after many others were taken", () => {
  const named = (name: string) => ({ ...start, headers: [[name, "x"]] });
  for (let i = 0; i < 1000; i++) check(named(`x-${i}`));
  for (let i = 0; i < 2; i++) {
    assertThrows(() => check(named("x y")), TypeError);
  }
  check(named("x-999"));
});

Deno.test("more and trailers are 0, 1, false or true (PAGI.md 12)", () => {
  for (const flag of [0, 1, false, true, null, undefined]) {
    assertTaken(check, [{ ...start, trailers: flag }, { ...body, more: flag }]);
  }
  assertFieldRefused(check, start, "trailers", NOT_FLAGS);
  assertFieldRefused(check, body, "more", NOT_FLAGS);
  assertFieldRefused(check, { ...body, file: "x" }, "more", NOT_FLAGS);
});

Deno.test("a body is bytes or a string (PAGI.md 5)", () => {
  assertFieldRefused(check, body, "body", NOT_BYTES);
});

Deno.test("a body event takes one of body, file and fh (PAGI.md 36)", () => {
  for (
    const several of [
      { body: "x", file: "y" },
      { body: "", file: "y" },
      { body: new Uint8Array(0), fh },
      { file: "y", fh },
      { body: "x", file: "y", fh },
    ]
  ) {
    const error = assertThrows(() => check({ ...body, ...several }), TypeError);
    assertStringIncludes(error.message, "more than one of body, file and fh");
  }
});

Deno.test("file is a string, fh can be read, offset and length are counts (PAGI.md 5)", () => {
  assertFieldRefused(check, body, "file", NOT_STRINGS);
  assertFieldRefused(check, body, "fh", [
    "x",
    3,
    true,
    {},
    [],
    { read: 1 },
    { ...fh, seek: 1 },
    () => null,
  ]);
  for (const source of [{ file: "x" }, { fh }]) {
    assertFieldRefused(check, { ...body, ...source }, "offset", NOT_COUNTS);
    assertFieldRefused(check, { ...body, ...source }, "length", NOT_COUNTS);
  }
});

Deno.test("an error says what was sent, what is allowed and where that stands", () => {
  const message = (event: unknown) =>
    assertThrows(() => check(event), TypeError).message;
  const expected: [unknown, string][] = [
    [
      { type: "http.response.start" },
      "http.response.start was sent without status; status must be an integer from 200 to 599 (PAGI.md 3.1).",
    ],
    [
      { ...start, status: "200" },
      'http.response.start was sent with status "200"; status must be an integer from 200 to 599 (PAGI.md 3.1).',
    ],
    [
      { ...body, body: Promise.resolve("x") },
      "http.response.body was sent with body [object Promise]; body must be a Uint8Array or a string (PAGI.md 3.2).",
    ],
    [
      { ...start, headers: [["a", "b"], ["c", "d\n"]] },
      'http.response.start was sent with "d\\n" in headers[1]; a header value must be a string without control characters and without code units above 0xFF (PAGI.md 3.1).',
    ],
    [
      { type: "http.respnse.start" },
      'An event of type "http.respnse.start" was sent in a scope of type http, which takes http.response.start, http.response.body, http.response.trailers, http.fullflush (PAGI.md 3.1).',
    ],
    [
      {},
      "An event without a type was sent in a scope of type http, which takes http.response.start, http.response.body, http.response.trailers, http.fullflush (PAGI.md 3.1).",
    ],
    [
      null,
      "send was given null; an event must be an object with a type (PAGI.md 3.1).",
    ],
  ];
  for (const [event, text] of expected) {
    assertEquals(message(event), text);
  }
});
