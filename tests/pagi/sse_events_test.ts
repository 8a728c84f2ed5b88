import { checkSseEvent } from "../../src/pagi/sse_events.ts";
import {
  assertFieldRefused,
  assertForeignRefused,
  assertHeadersChecked,
  assertTaken,
  NOT_BYTES,
  NOT_COUNTS,
  NOT_FLAGS,
  NOT_SECONDS,
  NOT_STATUSES,
  NOT_STRINGS,
} from "./event_cases.ts";

const check: (event: unknown) => void = checkSseEvent;
const send = { type: "sse.send", data: "x" };
const declineStart = { type: "sse.http.response.start", status: 404 };
const declineBody = { type: "sse.http.response.body" };

Deno.test("an sse scope takes its events, and those of a plain response (PAGI.md 4)", () => {
  assertTaken(check, [
    { type: "sse.start" },
    { type: "sse.start", status: null, headers: null },
    { type: "sse.start", status: 299, headers: [["a", "b"]], extra: 1 },
    send,
    { ...send, data: "" },
    { ...send, data: "a\r\nb\rc\nd", event: "e", id: "1", retry: 0 },
    { ...send, event: "", id: "", retry: 3000 },
    { ...send, event: null, id: undefined, retry: null },
    { type: "sse.comment", comment: "" },
    { type: "sse.comment", comment: ":a\nb" },
    { type: "sse.keepalive", interval: 0 },
    { type: "sse.keepalive", interval: 0.25, comment: "ping" },
    { type: "sse.close" },
    { type: "sse.close", reason: "done" },
    { ...declineStart, headers: [["a", "b"]] },
    declineBody,
    { ...declineBody, body: "x", more: 1 },
    { type: "http.response.start", status: 200, trailers: 0 },
    { type: "http.response.body", file: "x", offset: 1 },
    { type: "http.fullflush" },
  ]);
});

Deno.test("an sse scope refuses what is no event or belongs to other scopes (PAGI.md 3)", () => {
  assertForeignRefused(check, "sse", [
    "http.response.trailers",
    "websocket.accept",
    "websocket.http.response.start",
    "lifespan.startup.complete",
    "sse.request",
    "sse.disconnect",
  ]);
});

Deno.test("a stream's start, a decline and a plain answer need a status from 200 to 599 (PAGI.md 5)", () => {
  assertFieldRefused(check, { type: "sse.start" }, "status", NOT_STATUSES);
  for (const type of ["sse.http.response.start", "http.response.start"]) {
    assertFieldRefused(check, { type }, "status", [
      undefined,
      null,
      ...NOT_STATUSES,
    ]);
  }
});

Deno.test("a stream's start, a decline and a plain answer refuse unsafe header lists (PAGI.md 8, 9, 10)", () => {
  assertHeadersChecked(check, { type: "sse.start" });
  assertHeadersChecked(check, declineStart);
  assertHeadersChecked(check, { type: "http.response.start", status: 200 });
});

Deno.test("data and comment must be there and be strings (PAGI.md 5)", () => {
  const absent = [undefined, null];
  assertFieldRefused(check, send, "data", [...absent, ...NOT_STRINGS]);
  assertFieldRefused(check, { type: "sse.comment" }, "comment", [
    ...absent,
    ...NOT_STRINGS,
  ]);
});

Deno.test("a newline in event or id rejects (PAGI.md 52)", () => {
  for (const field of ["event", "id"]) {
    assertFieldRefused(check, send, field, [
      ...NOT_STRINGS,
      "\n",
      "\r",
      "a\nb",
      "a\r",
      "a\r\ndata: x",
    ]);
  }
});

Deno.test("a negative or fractional retry rejects (PAGI.md 53)", () => {
  assertFieldRefused(check, send, "retry", NOT_COUNTS);
});

Deno.test("a keepalive needs seconds from 0, and its comment is a string (PAGI.md 5)", () => {
  const keepalive = { type: "sse.keepalive", interval: 1 };
  assertFieldRefused(check, keepalive, "interval", [
    undefined,
    null,
    ...NOT_SECONDS,
  ]);
  assertFieldRefused(check, keepalive, "comment", NOT_STRINGS);
});

Deno.test("the reason of a close is a string (PAGI.md 5)", () => {
  assertFieldRefused(check, { type: "sse.close" }, "reason", NOT_STRINGS);
});

Deno.test("the body of a decline is bytes or a string, and no file (PAGI.md 5)", () => {
  assertFieldRefused(check, declineBody, "body", NOT_BYTES);
  assertFieldRefused(check, declineBody, "more", NOT_FLAGS);
  assertFieldRefused(check, declineBody, "file", ["/etc/hostname"]);
  assertFieldRefused(check, declineBody, "fh", [{}]);
});
