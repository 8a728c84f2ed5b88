/**
 * Fuzzes the formats of the access log, and what requests put into its lines.
 *
 * @module
 */

import {
  type AccessRecord,
  compileAccessFormat,
} from "../../src/log/access_format.ts";
import { LineBuffer } from "../../src/log/log_file.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { BYTE_PIECES, hostileText } from "./hostile.ts";
import type { Random } from "./random.ts";
import { Finding, hold, type Target } from "./target.ts";
import { holdOneLine } from "./one_line.ts";

const FORMAT_PIECES = [
  ..."%h%l%u%t%r%m%U%q%H%s%b%B%d%D%T%%".match(/%./g)!,
  "%{Referer}i",
  "%{user-agent}i",
  "%{__proto__}i",
  "%{",
  "}i",
  "%",
  "%z",
  "clf",
  " ",
  "[",
  "é",
  "😀",
  "\ud800",
];

/** Any format compiles or is refused in a sentence; no request forges a line. */
export const accessFormat: Target = {
  name: "access-format",
  share: 20,
  open: () => ({
    parallel: 1,
    round(random) {
      const format = random.once(8)
        ? random.pick(["clf", "combined", "common", "tiny"])
        : random.text(FORMAT_PIECES, 8);
      let append: ReturnType<typeof compileAccessFormat>;
      try {
        append = compileAccessFormat(format);
      } catch (error) {
        if (!(error instanceof OptionError)) throw error;
        holdOneLine(error.message);
        return 1;
      }
      const line = (record: AccessRecord): string => {
        const buffer = new LineBuffer();
        buffer.add(append, record);
        return new TextDecoder().decode(buffer.take(false)).slice(0, -1);
      };
      // Whatever requests hold, lines differ in printable characters only.
      const quotes = quotesIn(line(record(random, () => "-")));
      const hostile = line(record(random, () => text(random)));
      const literal = format.replace(/[^\x20-\x7e]/gu, "");
      if (literal === format) {
        hold(
          /^[\x20-\x7e]*$/.test(hostile),
          () => `${JSON.stringify(format)} made ${JSON.stringify(hostile)}`,
        );
      } else if (/\p{Cc}/u.test(hostile)) {
        throw new Finding(`a control character in ${JSON.stringify(hostile)}`);
      }
      hold(
        quotesIn(hostile) === quotes,
        () => `a request forged a quote: ${JSON.stringify(hostile)}`,
      );
      return 1;
    },
    close() {},
  }),
};

function text(random: Random): string {
  return random.once(3) ? hostileText(random) : random.text(BYTE_PIECES, 8);
}

function record(random: Random, value: () => string): AccessRecord {
  return {
    host: random.pick([null, "unix", "127.0.0.1", "::1"]),
    method: random.pick(["GET", "X-!#$%&'*+.^_`|~"]),
    rawPath: value(),
    query: value(),
    httpVersion: random.pick(["1.1", "2"]),
    status: random.pick([null, 101, 200, 599]),
    bodyBytes: random.below(2 ** 32),
    startedAt: random.below(2 ** 32) * 1000,
    durationMs: random.below(2 ** 32) / 997,
    headers: ["referer", "user-agent", "__proto__"]
      .filter(() => !random.once(4))
      .map((name) => [name, value()]),
  };
}

function quotesIn(line: string): number {
  return line.split('"').length;
}
