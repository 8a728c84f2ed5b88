import { checkLifespanEvent } from "../../src/pagi/lifespan_events.ts";
import {
  assertFieldRefused,
  assertForeignRefused,
  assertTaken,
  NOT_STRINGS,
} from "./event_cases.ts";

const check: (event: unknown) => void = checkLifespanEvent;

Deno.test("a lifespan scope takes its four events (PAGI.md 4)", () => {
  assertTaken(check, [
    { type: "lifespan.startup.complete" },
    { type: "lifespan.startup.complete", message: 1 },
    { type: "lifespan.startup.failed" },
    { type: "lifespan.startup.failed", message: "no database" },
    { type: "lifespan.shutdown.complete" },
    { type: "lifespan.shutdown.failed", message: null },
    { type: "lifespan.shutdown.failed", message: "" },
  ]);
});

Deno.test("a lifespan scope refuses what is no event or belongs to other scopes (PAGI.md 3)", () => {
  assertForeignRefused(check, "lifespan", [
    "http.response.start",
    "sse.start",
    "websocket.accept",
    "lifespan.startup",
    "lifespan.shutdown",
    "lifespan.failed",
  ]);
});

Deno.test("the message of a failure is a string (PAGI.md 5)", () => {
  for (const type of ["lifespan.startup.failed", "lifespan.shutdown.failed"]) {
    assertFieldRefused(check, { type }, "message", NOT_STRINGS);
  }
});
