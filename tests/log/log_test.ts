import { configureSync, getLogger, resetSync } from "@logtape/logtape";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import { configureLog, log } from "../../src/log/log.ts";
import { findProgram } from "../helpers/programs.ts";
import type { LogLevel } from "../../src/log/log.ts";

const CHILD = fromFileUrl(new URL("log_child.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /;

/** What `body` logs at `level`, without the times. */
function logged(level: LogLevel, body: () => void): string {
  let text = "";
  configureLog({
    level,
    write: (message) => {
      assertMatch(message, TIME);
      text += message.replace(TIME, "");
    },
  });
  try {
    body();
  } finally {
    configureLog({ level: "info" });
  }
  return text;
}

function command(act: string, env: Record<string, string> = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", CONFIG, CHILD, act],
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("a message is one line of time, level and text; lower levels are dropped", () => {
  const all = () => {
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
  };
  assertEquals(logged("debug", all), "debug d\ninfo  i\nwarn  w\nerror e\n");
  assertEquals(logged("info", all), "info  i\nwarn  w\nerror e\n");
  assertEquals(logged("warn", all), "warn  w\nerror e\n");
  assertEquals(logged("error", all), "error e\n");
});

Deno.test("a debug text is only made when it is wanted", () => {
  let made = 0;
  const text = () => `made ${++made}`;
  assertEquals(logged("info", () => log.debug(text)), "");
  assertEquals(made, 0);
  assertEquals(logged("debug", () => log.debug(text)), "debug made 1\n");
});

Deno.test("text from clients stays on its line and cannot drive a terminal", () => {
  const text =
    "GET /\r\n2026-01-01T00:00:00.000Z error forged\x1b[2J\x9b1m\x07\0\x7f\x85 {name} %s";
  assertEquals(
    logged("info", () => log.info(text)),
    "info  GET /\\r\\n2026-01-01T00:00:00.000Z error forged\\x1b[2J\\x9b1m\\x07\\x00\\x7f\\x85 {name} %s\n",
  );
});

Deno.test("what reorders or hides text is escaped, in errors as well: no name looks like another", () => {
  const text =
    "a\u202egpj.\u2066b\u200b\u00ad\u2028\ufeff\u{e0041}c é \u{1f4dc}";
  const escaped =
    "a\\u202egpj.\\u2066b\\u200b\\xad\\u2028\\ufeff\\u{e0041}c é \u{1f4dc}";
  assertEquals(logged("info", () => log.info(text)), `info  ${escaped}\n`);
  const lines = logged("error", () => log.error("It broke.", new Error(text)));
  assertStringIncludes(lines, `    Error: ${escaped}\n`);
});

Deno.test("the lines of a list stand below its first, indented and escaped", () => {
  assertEquals(
    logged("error", () => log.error(["It broke.", "  at a.js:1\r", ""])),
    "error It broke.\n      at a.js:1\\r\n    \n",
  );
});

Deno.test("an error's stack and causes stand below the line, indented", () => {
  const error = new TypeError("outer", { cause: new RangeError("inner") });
  const lines = logged("error", () => log.error("It broke.", error))
    .trimEnd().split("\n");
  assertEquals(lines[0], "error It broke.");
  assertEquals(lines[1], "    TypeError: outer");
  assertStringIncludes(lines[2], "log_test.ts");
  assert(lines.some((line) => line.includes("RangeError: inner")));
  assert(lines.slice(1).every((line) => line.startsWith("    ")));
});

Deno.test("an error's message can forge no line and drive no terminal either", () => {
  const error = new Error(
    "bad\n2026-01-01T00:00:00.000Z error forged\r\x1b[2J",
  );
  const lines = logged("error", () => log.error("It broke.", error)).split(
    "\n",
  );
  assertEquals(
    lines[2],
    "    2026-01-01T00:00:00.000Z error forged\\r\\x1b[2J",
  );
});

Deno.test("whatever an app throws can be logged", () => {
  const shown = (error: unknown) =>
    logged("error", () => log.error("Odd.", error));
  assertEquals(shown(undefined), "error Odd.\n");
  assertEquals(shown(null), "error Odd.\n    null\n");
  assertEquals(shown("text\n\x1b[0m"), 'error Odd.\n    "text\\n\\x1b[0m"\n');
  assertEquals(shown(Symbol("s")), "error Odd.\n    Symbol(s)\n");
  assertStringIncludes(shown(Object.create(null)), "null prototype");
  const unshowable = {
    [Symbol.for("Deno.customInspect")]: () => {
      throw new Error("no");
    },
  };
  assertEquals(
    shown(unshowable),
    "error Odd.\n    An error that cannot be inspected.\n",
  );
});

Deno.test("an app sets up LogTape for itself: it may, sees nothing of the server and silences nothing", () => {
  const seen: unknown[] = [];
  const text = logged("info", () => {
    configureSync({
      sinks: { all: (record) => seen.push(record.rawMessage) },
      loggers: [
        { category: [], sinks: ["all"] },
        { category: "logtape", lowestLevel: "error" },
      ],
    });
    log.warn("from the server");
    getLogger("app").info("from the app");
    resetSync();
    log.warn("and still");
  });
  assertEquals(text, "warn  from the server\nwarn  and still\n");
  assertEquals(seen, ["from the app"]);
});

Deno.test("messages are on stderr, without colour and complete, when the process ends at once", async () => {
  const child = command("exit", { NO_COLOR: "" }).spawn();
  await child.stdin.close();
  const { code, stdout, stderr } = await child.output();
  const lines = decode(stderr).split("\n").map((line) =>
    line.replace(TIME, "")
  );
  assertEquals(code, 3);
  assertEquals(decode(stdout), "");
  assertEquals(lines.slice(0, 4), [
    "info  first",
    "warn  second",
    "error last",
    "    Error: why",
  ]);
});

Deno.test("a process that ends says how many messages it left out", async () => {
  const child = command("repeats", { NO_COLOR: "1" }).spawn();
  await child.stdin.close();
  const { stderr } = await child.output();
  const [last] = decode(stderr).trimEnd().split("\n").slice(-1);
  assertEquals(
    last.replace(TIME, ""),
    "error Repeated 7 times in 1 s: GET /9: no.",
  );
});

Deno.test("a server whose log nobody reads any more lives on", async () => {
  const child = command("orphan").spawn();
  await child.stderr.cancel();
  await child.stdin.close();
  assertEquals(await new Response(child.stdout).text(), "alive\n");
  assertEquals((await child.status).code, 0);
});

Deno.test({
  name: "nothing is lost on a pipe that is full and does not wait",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = command("flood").spawn();
    await child.stdin.close();
    await child.stdout.cancel();
    const text = await new Response(child.stderr).text();
    assertEquals((await child.status).code, 0);
    const lines = text.trimEnd().split("\n");
    assertEquals(lines.length, 300);
    lines.forEach((line, i) => assertStringIncludes(line, `info  ${i} xxx`));
  },
});

const SCRIPT = findProgram("script");

Deno.test({
  name: "a terminal gets colours, unless NO_COLOR is set",
  ignore: Deno.build.os !== "linux" || SCRIPT === null,
  async fn() {
    const onTerminal = async (env: Record<string, string>) => {
      const inner = [
        Deno.execPath(),
        "run",
        "-A",
        "--config",
        CONFIG,
        CHILD,
        "exit",
      ];
      const { stdout } = await new Deno.Command(SCRIPT!, {
        args: ["-qc", inner.map((word) => `'${word}'`).join(" "), "/dev/null"],
        env: { ...Deno.env.toObject(), ...env },
        clearEnv: true,
        stdin: "null",
      }).output();
      return decode(stdout);
    };
    assertStringIncludes(await onTerminal({ NO_COLOR: "" }), "\x1b[32minfo ");
    assertStringIncludes(await onTerminal({ NO_COLOR: "1" }), "Z info  first");
  },
});
