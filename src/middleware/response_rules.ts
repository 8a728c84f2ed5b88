/**
 * The order of a response: one start, pieces of a body, one last piece.
 *
 * Denials and declines have the same order under names of their own.
 *
 * @module
 */

import { byteLength } from "../http/byte_length.ts";
import { fieldValue } from "../http/headers.ts";
import { hasBody } from "../http/status.ts";
import { shown } from "../pagi/event_fields.ts";
import type { HeaderList, SendEvent } from "../pagi/types.ts";
import { LintError } from "./lint_error.ts";

/** Where a response stands. */
export interface ResponseState {
  readonly phase: "unstarted" | "body" | "trailers" | "complete";
  readonly status: number;
  /** Bytes of the body still to come; null where nobody said. */
  readonly left: number | null;
  /** Trailers were announced. */
  readonly trailers: boolean;
}

/** A response of which nothing was sent. */
export const UNSTARTED: ResponseState = {
  phase: "unstarted",
  status: 0,
  left: null,
  trailers: false,
};

type StartEvent = Extract<SendEvent, { type: `${string}response.start` }>;
type BodyEvent = Extract<SendEvent, { type: `${string}response.body` }>;

/**
 * The state after a start.
 *
 * @param section The section of PAGI.md with the table of its events.
 */
export function startResponse(
  state: ResponseState,
  event: StartEvent,
  method: string,
  section: string,
): ResponseState {
  const { type, status, headers } = event;
  if (state.phase !== "unstarted") {
    throw new LintError(
      `${type} was sent with status ${status} after one with status ${state.status}`,
      "a response starts once",
      section,
    );
  }
  const left = announcedLength(type, headers ?? []);
  return {
    phase: "body",
    status,
    left: method === "HEAD" || status === 304 ? null : left,
    trailers: "trailers" in event && Boolean(event.trailers),
  };
}

/** The state after a piece of the body. */
export function continueResponse(
  state: ResponseState,
  event: BodyEvent,
  section: string,
): ResponseState {
  const { type } = event;
  if (state.phase === "unstarted") {
    throw new LintError(
      `${type} was sent before ${type.replace(/body$/, "start")}`,
      "a response starts before its body",
      section,
    );
  }
  if (state.phase !== "body") {
    throw new LintError(
      `${type} was sent after the last one`,
      "the first without more (or with file or fh) completes the body",
      section,
    );
  }
  const isFile = "file" in event && event.file != null ||
    "fh" in event && event.fh != null;
  const last = isFile || !("more" in event && event.more);
  const left = isFile ? null : leftAfter(state, event, last);
  if (!last) return { ...state, left };
  return { ...state, left, phase: state.trailers ? "trailers" : "complete" };
}

/** What an app that returns has not sent of the response. */
export function unfinishedResponse(
  { phase }: ResponseState,
  name: string,
): LintError | null {
  const missing = {
    unstarted: `without ${name}.start`,
    body: `before the last ${name}.body, the one without more`,
    trailers: `without the ${name}.trailers that it announced`,
    complete: null,
  }[phase];
  if (missing === null) return null;
  return new LintError(
    `The app returned ${missing}`,
    "it must have sent a whole response by then, and have awaited each send",
    "PAGI.md 3.1",
  );
}

/** Bytes that are still to come after `event`. */
function leftAfter(
  { left, status }: ResponseState,
  event: BodyEvent,
  last: boolean,
): number | null {
  const body = "body" in event ? event.body : null;
  const size = body == null ? 0 : byteLength(body);
  const sent = `${event.type} was sent with ${bytes(size)}`;
  if (size > 0 && !hasBody(status)) {
    throw new LintError(
      sent,
      `a response with status ${status} has no body`,
      "RFC 9110, section 15",
    );
  }
  if (left === null) return null;
  if (size > left || last && size < left) {
    throw new LintError(
      `${sent}${last ? " as the last one" : ""}, and content-length left ${
        bytes(left)
      } to send`,
      "content-length must be the number of bytes in the body",
      "PAGI.md 2, RFC 9110, section 8.6",
    );
  }
  return left - size;
}

function bytes(count: number): string {
  return count === 1 ? "1 byte" : `${count} bytes`;
}

/** The length that the header fields announce. */
function announcedLength(type: string, headers: HeaderList): number | null {
  const value = fieldValue(headers, "content-length");
  if (value === null) return null;
  const others = headers.filter(([name]) =>
    name.toLowerCase() === "content-length"
  );
  if (others.length === 1 && /^\d+$/.test(value)) return Number(value);
  throw new LintError(
    `${type} was sent with content-length ${
      others.map(([, text]) => shown(text)).join(" and ")
    }`,
    "content-length must be one number of bytes",
    "PAGI.md 2, RFC 9110, section 8.6",
  );
}
