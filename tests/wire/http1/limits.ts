/**
 * What a request head and a body may weigh, at the edges (PAGI.md 6; RFC 9110,
 * sections 15.5.14 and 15.5.15; RFC 6585, section 5).
 *
 * @module
 */

import type { Settings } from "../../../src/options/settings.ts";
import {
  chunked,
  type Difference,
  head,
  refused,
  served,
  type WireCase,
} from "./wire_case.ts";

/** The settings that the cases ask for. */
export const LIMITED: Partial<Settings> = {
  maxHeaderSize: 200,
  maxHeaderCount: 5,
  maxBodySize: 10,
};

const ENGINE: Difference = {
  rule: "414 for a long request line, 431 for long header fields",
  reason: "the engine answers 400 beyond 128 fields or 64 KiB",
  risk: "none: it is refused and closed",
};

function line(length: number): string {
  return `GET /${"a".repeat(length - "GET / HTTP/1.1".length)}`;
}

function fields(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `X${i}: y`);
}

/** A field that fills up what `Host: a` leaves of `size` bytes. */
function filling(size: number): string {
  return `X: ${"a".repeat(size - "Host: a\r\nX: \r\n".length)}`;
}

/** The cases for servers with these limits. */
export const SMALL_LIMITS: readonly WireCase[] = [
  served("the longest request line", "9110, 15.5.15", head(line(200)), [
    line(200),
  ]),
  refused(
    "a request line of one byte more (PAGI.md 98)",
    "9110, 15.5.15",
    head(line(201)),
    "414",
  ),
  refused(
    "a query of one byte more",
    "9110, 15.5.15",
    head(line(201).replace("/a", "/?")),
    "414",
  ),
  refused(
    "a method of one byte more",
    "9110, 15.5.15",
    head(`${"A".repeat(200 - " / HTTP/1.1".length + 1)} /`),
    "414",
  ),
  served(
    "the longest header fields",
    "6585, 5",
    head("GET /", filling(200)),
    "GET /",
  ),
  refused(
    "header fields of one byte more (PAGI.md 98)",
    "6585, 5",
    head("GET /", filling(201)),
    "431",
  ),
  served(
    "as many header fields as may be",
    "6585, 5",
    head("GET /", ...fields(4)),
    "GET /",
  ),
  refused(
    "one header field more (PAGI.md 98)",
    "6585, 5",
    head("GET /", ...fields(5)),
    "431",
  ),
  refused(
    "one field more of the same name",
    "6585, 5",
    head("GET /", ...Array(5).fill("X: y")),
    "431",
  ),
  served(
    "the longest body",
    "9110, 15.5.14",
    head("POST /", "Content-Length: 10") + "0123456789",
    "POST / 0123456789",
  ),
  refused(
    "a body of one byte more (PAGI.md 97)",
    "9110, 15.5.14",
    head("POST /", "Content-Length: 11") + "01234567890",
    "413",
  ),
  refused(
    "a body of one byte more that never comes",
    "9110, 15.5.14",
    head("POST /", "Content-Length: 11"),
    "413",
  ),
  served(
    "the longest chunked body",
    "9110, 15.5.14",
    chunked("5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"),
    "POST / 0123456789",
  ),
  refused(
    "a chunked body of one byte more",
    "9110, 15.5.14",
    chunked("5\r\n01234\r\n6\r\n567890\r\n0\r\n\r\n"),
    "413",
    { app: ["POST /…"] },
  ),
  refused(
    "a chunk of 2^63 - 1 bytes",
    "9110, 15.5.14",
    chunked(`7fffffffffffffff\r\n${"a".repeat(20)}`),
    "413",
    { app: ["POST /…"] },
  ),
];

/** The cases for servers whose own limits lie beyond the engine's. */
export const ENGINE_LIMITS: readonly WireCase[] = [
  served(
    "128 header fields",
    "6585, 5",
    head("GET /", ...fields(127)),
    "GET /",
  ),
  refused(
    "129 header fields",
    "6585, 5",
    head("GET /", ...fields(128)),
    "400",
    { difference: ENGINE },
  ),
  served("a head of 60 KB", "6585, 5", head("GET /", filling(60_000)), "GET /"),
  refused(
    "a head over 64 KiB",
    "6585, 5",
    head("GET /", filling(70_000)),
    "400",
    { difference: ENGINE },
  ),
  refused(
    "a request line over 64 KiB",
    "9110, 15.5.15",
    head(line(70_000)),
    "400",
    { difference: ENGINE },
  ),
  refused(
    "a head that never ends",
    "6585, 5",
    "GET / HTTP/1.1\r\nX: " + "a".repeat(70_000),
    "400",
    { difference: ENGINE },
  ),
];
