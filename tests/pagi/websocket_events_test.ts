import { assertStringIncludes, assertThrows } from "../../src/std/assert.ts";
import { checkWebSocketEvent } from "../../src/pagi/websocket_events.ts";
import {
  assertFieldRefused,
  assertForeignRefused,
  assertHeadersChecked,
  assertTaken,
  NOT_BYTES,
  NOT_FLAGS,
  NOT_SECONDS,
  NOT_STATUSES,
  NOT_STRINGS,
} from "./event_cases.ts";

const check: (event: unknown) => void = checkWebSocketEvent;
const accept = { type: "websocket.accept" };
const send = { type: "websocket.send" };
const close = { type: "websocket.close" };
const denialStart = { type: "websocket.http.response.start", status: 403 };
const denialBody = { type: "websocket.http.response.body" };

Deno.test("a websocket scope takes its events with all their fields (PAGI.md 4)", () => {
  assertTaken(check, [
    accept,
    { ...accept, subprotocol: null, headers: null },
    { ...accept, subprotocol: "chat.v2_a-B", headers: [["a", "b"]], x: 1 },
    { ...send, text: "" },
    { ...send, text: "\ud800", bytes: null },
    { ...send, bytes: new Uint8Array(0) },
    { ...send, bytes: new Uint8Array(2), text: undefined },
    close,
    { ...close, code: null, reason: null },
    { ...close, code: 1000, reason: "" },
    { ...close, code: 4999, reason: "x".repeat(123) },
    { type: "websocket.keepalive", interval: 0 },
    { type: "websocket.keepalive", interval: 0.5, timeout: null },
    { type: "websocket.keepalive", interval: 30, timeout: 0 },
    denialStart,
    { ...denialStart, headers: [["a", "b"]] },
    denialBody,
    { ...denialBody, body: new Uint8Array(1), more: true },
  ]);
});

Deno.test("a websocket scope refuses what is no event or belongs to other scopes (PAGI.md 3)", () => {
  assertForeignRefused(check, "websocket", [
    "http.response.start",
    "http.fullflush",
    "sse.http.response.start",
    "lifespan.startup.complete",
    "websocket.connect",
    "websocket.receive",
    "websocket.disconnect",
  ]);
});

Deno.test("a malformed subprotocol rejects (PAGI.md 66)", () => {
  assertFieldRefused(check, accept, "subprotocol", [
    ...NOT_STRINGS,
    "",
    "a b",
    "a,b",
    "a/b",
    "a\r\nx: y",
    "a\n",
    "é",
    "名",
  ]);
});

Deno.test("accept and a denial refuse unsafe header lists (PAGI.md 10)", () => {
  assertHeadersChecked(check, accept);
  assertHeadersChecked(check, denialStart);
});

Deno.test("a message with both or neither payload, or of another type, rejects (PAGI.md 68)", () => {
  const bytes = new Uint8Array(1);
  for (
    const payload of [
      {},
      { text: null, bytes: undefined },
      { text: "", bytes },
      { text: "x", bytes: new Uint8Array(0) },
      { text: bytes },
      { bytes: "x" },
      ...NOT_STRINGS.map((text) => ({ text })),
      ...NOT_BYTES.map((bytes) => ({ bytes })),
    ]
  ) {
    const error = assertThrows(() => check({ ...send, ...payload }), TypeError);
    assertStringIncludes(error.message, "either text, a string, or bytes");
  }
});

Deno.test("a close takes a code and a reason that a Close frame can carry (PAGI.md 5)", () => {
  assertFieldRefused(check, close, "code", [
    "1000",
    1000n,
    1000.5,
    NaN,
    true,
    0,
    999,
    1004,
    1005,
    1006,
    1015,
    2999,
    5000,
    65536 + 1000,
  ]);
  assertFieldRefused(check, close, "reason", [
    ...NOT_STRINGS,
    "x".repeat(124),
    "é".repeat(62),
    "\u{1f600}".repeat(31),
  ]);
});

Deno.test("a keepalive needs seconds from 0, its timeout too (PAGI.md 5)", () => {
  const keepalive = { type: "websocket.keepalive", interval: 1 };
  assertFieldRefused(check, keepalive, "interval", [
    undefined,
    null,
    ...NOT_SECONDS,
  ]);
  assertFieldRefused(check, keepalive, "timeout", NOT_SECONDS);
});

Deno.test("a denial needs a status from 200 to 599, a body of bytes or a string, and no file (PAGI.md 5)", () => {
  assertFieldRefused(check, denialStart, "status", [
    undefined,
    null,
    ...NOT_STATUSES,
  ]);
  assertFieldRefused(check, denialBody, "body", NOT_BYTES);
  assertFieldRefused(check, denialBody, "more", NOT_FLAGS);
  assertFieldRefused(check, denialBody, "file", ["/etc/hostname"]);
  assertFieldRefused(check, denialBody, "fh", [{}]);
});
