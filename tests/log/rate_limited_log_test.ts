import { configureLog, RateLimitedLog } from "../../src/log/log.ts";
import { assertEquals } from "../../src/std/assert.ts";

/** What `body` logs, levels and texts; it is given a clock that it moves. */
function logged(
  body: (log: RateLimitedLog, clock: { now: number }) => void,
): string[] {
  const lines: string[] = [];
  configureLog({ level: "info", write: (text) => void lines.push(text) });
  const clock = { now: 1e12 };
  try {
    body(new RateLimitedLog(() => clock.now), clock);
  } finally {
    configureLog({ level: "info" });
  }
  return lines.map((line) => line.trimEnd().replace(/^\S+ /, ""));
}

Deno.test("the first message of each kind is logged at once", () => {
  assertEquals(
    logged((log) => {
      log.say("info", "a", () => "one");
      log.say("warn", "b", () => "two");
    }),
    ["info  one", "warn  two"],
  );
});

Deno.test("a flood of one kind is one line in ten seconds, which counts the others", () => {
  let made = 0;
  const lines = logged((log, clock) => {
    for (let i = 0; i <= 2000; i++) {
      log.say("warn", "a", () => `number ${i} of ${++made}`);
      clock.now += 10;
    }
  });
  const more = "Since the last such message it happened 999 times more.";
  assertEquals(lines, [
    "warn  number 0 of 1",
    `warn  number 1000 of 2 ${more}`,
    `warn  number 2000 of 3 ${more}`,
  ]);
});

Deno.test("a clock that is set back keeps no message", () => {
  const lines = logged((log, clock) => {
    log.say("info", "a", () => "before");
    clock.now -= 3_600_000;
    log.say("info", "a", () => "after");
  });
  assertEquals(lines, ["info  before", "info  after"]);
});
