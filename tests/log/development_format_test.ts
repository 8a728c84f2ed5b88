/** The format of the access log for people. */

import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import type { AccessRecord } from "../../src/log/access_format.ts";
import {
  byteSize,
  developmentFormat,
} from "../../src/log/development_format.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { AccessLog } from "../../src/server/access_log.ts";
import type { InFlightRequest } from "../../src/server/in_flight.ts";
import { until } from "../helpers/wait.ts";

const RECORD: AccessRecord = {
  host: "127.0.0.1",
  method: "GET",
  rawPath: "/caf%C3%A9",
  query: "a=1",
  httpVersion: "1.1",
  status: 200,
  bodyBytes: 5120,
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  durationMs: 3.21,
  headers: [],
};

/** The line of a request, without its time of day. */
function line(changes: Partial<AccessRecord> = {}, colours = false): string {
  const bytes = new Uint8Array(1000);
  const end = developmentFormat(colours)({ ...RECORD, ...changes }, bytes, 0);
  const text = new TextDecoder().decode(bytes.subarray(0, end));
  const [clock] = text.split(" ");
  // deno-lint-ignore no-control-regex
  assertMatch(clock, /^(\x1b\[2m)?\d\d:\d\d:05(\x1b\[0m)?$/);
  return text.slice(clock.length + 1);
}

Deno.test("a line has method, path, status, duration and size", () => {
  assertEquals(line(), "GET /caf%C3%A9?a=1 200 3.2 ms 5.1 kB");
  const gone = { query: "", status: null, bodyBytes: 0, durationMs: 0 };
  assertEquals(line(gone), "GET /caf%C3%A9 - 0.0 ms 0 B");
  const durations: [number, string][] = [
    [9.94, "9.9 ms"],
    [9.95, "10 ms"],
    [999.4, "999 ms"],
    [999.5, "1.0 s"],
    [59_949, "59.9 s"],
    [59_950, "1 min 0 s"],
    [3_725_000, "62 min 5 s"],
  ];
  for (const [durationMs, expected] of durations) {
    const startedAt = RECORD.startedAt - durationMs;
    assertEquals(
      line({ startedAt, durationMs }),
      `GET /caf%C3%A9?a=1 200 ${expected} 5.1 kB`,
    );
  }
});

Deno.test("only with colours a line has commands to the terminal, and never a client's", () => {
  const colours = [[101, 35], [204, 32], [304, 36], [404, 33], [503, 31]];
  for (const [status, colour] of colours) {
    assertEquals(
      line({ status, query: "" }, true),
      `\x1b[1mGET\x1b[0m /caf%C3%A9 \x1b[${colour}m${status}\x1b[0m \x1b[2m3.2 ms 5.1 kB\x1b[0m`,
    );
  }
  assertEquals(
    line({ rawPath: '/"\x1b[2J\n\xe9', query: "" }),
    "GET /\\x22\\x1B[2J\\x0A\\xE9 200 3.2 ms 5.1 kB",
  );
});

Deno.test("sizes are rounded to the unit that people would say", () => {
  const sizes: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [10_000_000, "10 MB"],
    [999_949, "999.9 kB"],
    [999_950, "1 MB"],
    [1.25e9, "1.3 GB"],
    [5e15, "5000 TB"],
  ];
  assertEquals(
    sizes.map(([bytes]) => byteSize(bytes)),
    sizes.map(([, text]) => text),
  );
});

Deno.test("a large body that takes long has lines on its way; a small or quick one has not", async () => {
  const accessLog = await Deno.makeTempFile();
  const log = AccessLog.open(
    resolveSettings({ accessLog, accessLogFormat: "dev" }),
  )!;
  const request = (
    rawPath: string,
    seconds: number,
    transfer: InFlightRequest["transfer"],
  ) => ({
    startedAt: Date.now() - seconds * 1000,
    transfer,
    record: () => ({ ...RECORD, rawPath, query: "" }),
  } as Partial<InFlightRequest> as InFlightRequest);
  try {
    log.watch([
      request("/down", 100, { way: "sent", bytes: 3e8, total: 7e8 }),
      request("/up", 100, { way: "received", bytes: 4e8, total: null }),
      request("/small", 100, { way: "sent", bytes: 1000, total: 999_999 }),
      request("/quick", 0, { way: "sent", bytes: 3e8, total: 7e8 }),
      request("/none", 100, null),
    ]);
    await until(async () => (await Deno.readTextFile(accessLog)) !== "");
    await log.close();
    assertMatch(
      await Deno.readTextFile(accessLog),
      /^\S+ GET \/down sent 300 MB of 700 MB \(42%\), [23][\d.]* MB\/s\n\S+ GET \/up received 400 MB, [34][\d.]* MB\/s\n$/,
    );
  } finally {
    await log.close();
    await Deno.remove(accessLog);
  }
});
