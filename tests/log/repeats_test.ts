import {
  configureLog,
  flushRepeats,
  log,
  logLimit,
} from "../../src/log/log.ts";
import {
  AT,
  LIMITS,
  newCounters,
  RequestCounters,
} from "../../src/metrics/counters.ts";
import { CounterSums } from "../../src/metrics/threads.ts";
import { placeOfError, Repeats, shapeOf } from "../../src/log/repeats.ts";
import { assertEquals, assertMatch } from "../../src/std/assert.ts";

/** What is told of messages that come at a time that the test sets. */
function repeats() {
  const told: string[] = [];
  const clock = { now: 0 };
  const all = new Repeats(
    (level, text) => told.push(`${level} ${text}`),
    { now: () => clock.now },
  );
  return { all, clock, told };
}

Deno.test("three messages of a kind are logged, and then how many more there were", () => {
  const { all, clock, told } = repeats();
  let logged = 0;
  for (let i = 1; i <= 123; i++) {
    if (all.admits("error", "kind", () => `GET /${i}: no.`)) logged++;
  }
  assertEquals([logged, told], [3, []]);
  clock.now = 10_000;
  assertEquals(all.admits("error", "other", () => "Another."), true);
  assertEquals(told, ["error Repeated 120 times in 10 s: GET /123: no."]);
  // The next time begins.
  assertEquals(all.admits("error", "kind", () => "GET /: no."), true);
  all.settle(true);
  assertEquals(told.length, 1);
});

Deno.test("kinds do not count for each other, and there is no end of kinds", () => {
  const { all, told } = repeats();
  for (let i = 0; i < 2000; i++) {
    assertEquals(all.admits("error", `kind ${i}`, () => "x"), true);
    assertEquals(all.admits("warn", `kind ${i}`, () => "x"), true);
  }
  all.settle(true);
  assertEquals(told, []);
});

Deno.test("an error is known by where it was thrown, and by what it says without names and numbers", () => {
  const make = (text: string) => new Error(text);
  const [one, other] = ["a\nb", "c"].map(make);
  assertEquals(placeOfError(one), placeOfError(other));
  assertEquals(placeOfError(one) === placeOfError(new Error("c")), false);
  assertEquals(placeOfError("text"), null);
  assertEquals(placeOfError(Object.assign(make("x"), { stack: 7 })), null);
  assertEquals(
    shapeOf(make('no user "ann" (7) in /home/ann/x of `db` or \'q')),
    "no user … (…) in … of … or …",
  );
  assertEquals(shapeOf(Object.assign(make("x"), { message: null })), "null");
  const hostile = make("x");
  for (const key of ["message", "stack"]) {
    Object.defineProperty(hostile, key, {
      get() {
        throw new Error("Do not look.");
      },
    });
  }
  assertEquals([placeOfError(hostile), shapeOf(hostile)], [null, ""]);
});

Deno.test("different errors of one place are told apart, unless there is no end of them", () => {
  let text = "";
  const thrown = (i: number, word: string) => new Error(`${word} for ${i}`);
  configureLog({ level: "info", write: (more) => text += more });
  try {
    for (let i = 0; i < 30; i++) {
      for (const word of ["timeout", "no disk", "x".repeat(i + 1)]) {
        log.error(`GET /${i}: the app threw.`, thrown(i, word));
      }
    }
    flushRepeats();
  } finally {
    configureLog({ level: "info" });
  }
  for (const word of ["timeout", "no disk"]) {
    assertMatch(
      text,
      RegExp(`Repeated 27 times in 1 s: .* threw\\. Error: ${word} for 29\\n`),
    );
  }
  // Three of them count for themselves, and three of the others are logged.
  assertMatch(text, /Repeated 24 times in 1 s: GET \/29: .* Error: x{30} for/);
});

Deno.test("limits that are hit again and again are told once, then their number, and counted for metrics", () => {
  const counters = new RequestCounters(newCounters());
  const sums = new CounterSums();
  let text = "";
  let made = 0;
  configureLog({ level: "warn", write: (more) => text += more });
  try {
    for (let i = 1; i <= 50; i++) {
      logLimit("warn", "start", () => `${++made} of ${i}`);
      logLimit("info", "start", () => `never ${++made}`);
    }
    flushRepeats();
  } finally {
    configureLog({ level: "info" });
  }
  assertEquals(
    text.trimEnd().split("\n").map((line) => line.replace(/^\S+ /, "")),
    [
      "warn  1 of 1",
      "warn  Repeated 49 times in 1 s: 2 of 50",
    ],
  );
  sums.add(counters.memory);
  assertEquals(sums.numbers[AT.limits + LIMITS.indexOf("timeout")], 100);
});

Deno.test("the log tells of a fault that each request meets three times, and then its number", () => {
  let text = "";
  configureLog({ level: "info", write: (more) => text += more });
  try {
    for (let i = 0; i < 50; i++) {
      log.error(`GET /${i}: the app threw.`, new Error(`for ${i}`));
      log.error(`GET /${i}: nothing came.`, undefined, "nothing came.");
      log.info(`${i}`);
      log.info("the target answers again.");
    }
    flushRepeats();
  } finally {
    configureLog({ level: "info" });
  }
  assertEquals(text.match(/the app threw/g)?.length, 4);
  assertEquals(text.match(/ info {2}\d+$/gm)?.length, 50);
  assertEquals(text.match(/the target answers again/g)?.length, 4);
  assertMatch(
    text,
    /error Repeated 47 times in 1 s: GET \/49: the app threw\. Error: for 49\n/,
  );
  assertMatch(
    text,
    /error Repeated 47 times in 1 s: GET \/49: nothing came\.\n/,
  );
});

Deno.test("in JSON each message is one object, whatever it holds", () => {
  const hostile = Array.from(
    { length: 256 },
    (_, i) => String.fromCharCode(i),
  ).join("") + "\u2028\ud800";
  let text = "";
  configureLog({
    level: "debug",
    format: "json",
    worker: 3,
    write: (more) => text += more,
  });
  try {
    log.info(hostile);
    log.error(["first", "second"], new TypeError(hostile));
  } finally {
    configureLog({ level: "info" });
  }
  assertMatch(text, /^[ -~\xa0-\u2027\u202a-\uffff\n]*$/);
  const [info, error, end] = text.split("\n");
  assertEquals(end, "");
  const { time, ...rest } = JSON.parse(info);
  assertMatch(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(rest, {
    type: "log",
    level: "info",
    worker: 3,
    message: hostile,
  });
  const failed = JSON.parse(error);
  assertEquals([failed.message, failed.details], ["first", ["second"]]);
  assertMatch(failed.error, /^TypeError: /);
});
