import { configureLog, flushRepeats, log } from "../../src/log/log.ts";
import { kindOfError, Repeats } from "../../src/log/repeats.ts";
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
    if (all.admits("error", "kind", `GET /${i}: no.`)) logged++;
  }
  assertEquals([logged, told], [3, []]);
  clock.now = 10_000;
  assertEquals(all.admits("error", "other", "Another."), true);
  assertEquals(told, ["error Repeated 120 times in 10 s: GET /123: no."]);
  // The next time begins.
  assertEquals(all.admits("error", "kind", "GET /: no."), true);
  all.settle(true);
  assertEquals(told.length, 1);
});

Deno.test("kinds do not count for each other, and there is no end of kinds", () => {
  const { all, told } = repeats();
  for (let i = 0; i < 2000; i++) {
    assertEquals(all.admits("error", `kind ${i}`, "x"), true);
    assertEquals(all.admits("warn", `kind ${i}`, "x"), true);
  }
  all.settle(true);
  assertEquals(told, []);
});

Deno.test("errors of one place are of a kind, whatever their messages", () => {
  const make = (text: string) => new Error(text);
  const [one, other] = ["a\nb", "c"].map(make);
  assertEquals(kindOfError(one), kindOfError(other));
  assertEquals(kindOfError(one) === kindOfError(new Error("c")), false);
  assertEquals(kindOfError("text"), null);
  assertEquals(kindOfError(Object.assign(make("x"), { stack: 7 })), null);
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
