/**
 * A strict reader of HTTP/1.1 responses (RFC 9112), for what must be clean.
 *
 * @module
 */

import type { RawConnection } from "../helpers/raw_connection.ts";
import { Finding } from "./target.ts";

/** How long nothing may come before a connection is given up (ms). */
const SILENCE_MS = 40;
/** How long a connection may stay open after a refusal (ms). */
const REFUSED_MS = 15_000;

/** A response as it stood on the wire; one code unit per byte. */
export interface WireResponse {
  readonly status: number;
  /** Names in lower case, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** False when the connection ended before the body did. */
  readonly whole: boolean;
  /** True when only the connection's end ended the body. */
  readonly untilEnd: boolean;
}

const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) [\t\x20-\x7e\x80-\xff]*$/;
const FIELD =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*$/;

/**
 * Reads the first response in `text`, which answers `method`. Null while it is
 * not all there and the connection has not `ended`.
 *
 * @throws {Finding} When it is no response by the letter.
 */
export function readResponse(
  text: string,
  method: string,
  ended: boolean,
): { response: WireResponse; rest: string } | null {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) {
    if (ended && text !== "") bad("no head", text);
    return null;
  }
  const [line, ...lines] = text.slice(0, headEnd).split("\r\n");
  const status = Number(
    STATUS_LINE.exec(line)?.[1] ?? bad("status line", line),
  );
  const fields = lines.map((field): [string, string] => {
    const match = FIELD.exec(field) ?? bad("header field", field);
    return [match[1].toLowerCase(), match[2]];
  });
  const one = (name: string): string | null => {
    const values = fields.filter(([key]) => key === name);
    if (values.length > 1) bad(`repeated ${name}`, text);
    return values[0]?.[1] ?? null;
  };
  one("date") ?? (status < 200 || bad("head without date", text));
  const length = one("content-length");
  const coding = one("transfer-encoding");
  if (length !== null && !/^\d+$/.test(length)) bad("content-length", length);
  if (coding !== null && coding !== "chunked") bad("coding", coding);
  if (coding !== null && length !== null) bad("two framings", text);
  let rest = text.slice(headEnd + 4);
  const done = (body: string, whole = true, untilEnd = false) => ({
    response: { status, fields, body, whole, untilEnd },
    rest,
  });

  if (status < 200 || status === 204 || status === 304 || method === "HEAD") {
    if (status < 200 || status === 204) {
      if (coding !== null || length !== null) bad("framing of no body", text);
    }
    return done("");
  }
  if (coding !== null) {
    let body = "";
    while (true) {
      const chunk = /^([0-9a-fA-F]{1,8})\r\n/.exec(rest);
      if (chunk === null) {
        if (ended) {
          if (!/^[0-9a-fA-F]{0,8}\r?$/.test(rest)) bad("chunk", rest);
          rest = "";
          return done(body, false);
        }
        if (rest.length > 10) bad("chunk size", rest);
        return null;
      }
      const start = chunk[0].length;
      const size = parseInt(chunk[1], 16);
      if (rest.length < start + size + 2) {
        if (!ended) return null;
        body += rest.slice(start, start + size);
        rest = "";
        return done(body, false);
      }
      if (rest.slice(start + size, start + size + 2) !== "\r\n") {
        bad("end of a chunk", rest.slice(start));
      }
      body += rest.slice(start, start + size);
      rest = rest.slice(start + size + 2);
      if (size === 0) return done(body);
    }
  }
  if (length !== null) {
    const size = Number(length);
    if (rest.length < size) {
      if (!ended) return null;
      const body = rest;
      rest = "";
      return done(body, false);
    }
    const body = rest.slice(0, size);
    rest = rest.slice(size);
    return done(body);
  }
  if (!ended) return null;
  const body = rest;
  rest = "";
  return done(body, true, true);
}

/**
 * Takes the next response to `method` from a connection; null when none comes.
 *
 * @throws {Finding} When it is no response by the letter.
 */
export async function nextResponse(
  wire: RawConnection,
  method: string,
): Promise<WireResponse | null> {
  while (true) {
    const found = readResponse(wire.received, method, wire.over);
    if (found !== null) {
      wire.received = found.rest;
      // Nothing but 100 comes before a response.
      if (found.response.status !== 100) return found.response;
    } else if (!await wire.more()) {
      // What has come may be whole now that no more can.
      if (wire.received === "") return null;
    }
  }
}

/**
 * Waits for the end. Where nothing comes, sends no more, so that the server
 * ends it: "left". After a refusal it must do so by itself, or it "stayed".
 */
export async function finish(
  wire: RawConnection,
): Promise<"ended" | "left" | "stayed"> {
  let end: "ended" | "left" | "stayed" = "ended";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => {
    clearTimeout(timer);
    const refused = /(^|\n)HTTP\/1\.1 [45]/.test(wire.received);
    timer = setTimeout(() => {
      if (end === "ended") end = refused ? "stayed" : "left";
      wire.endSending();
    }, refused ? REFUSED_MS : SILENCE_MS);
  };
  do wait(); while (await wire.more());
  clearTimeout(timer);
  return end;
}

/** The first value of a field, or null. */
export function fieldOf(response: WireResponse, name: string): string | null {
  return response.fields.find(([key]) => key === name)?.[1] ?? null;
}

function bad(what: string, text: string): never {
  throw new Finding(`a wrong ${what}: ${JSON.stringify(text.slice(0, 300))}`);
}
