/**
 * What apps do, right or wrong: scripts of events.
 *
 * @module
 */

import type {
  PagiApp,
  Receive,
  Scope,
  Send,
  SendEvent,
} from "../../src/pagi/types.ts";
import { delay } from "../helpers/wait.ts";
import { BYTE_PIECES, hostileText, oddValue, Sprung } from "./hostile.ts";
import type { Sent } from "./http_model.ts";
import { holdOneLine } from "./one_line.ts";
import type { Random } from "./random.ts";
import { Finding, hold } from "./target.ts";

/** One thing that an app does. */
export type Step =
  | { do: "send"; event: unknown; await: boolean }
  | { do: "receive"; await: boolean }
  | { do: "wait" }
  | { do: "throw"; value: unknown };

/** What an app does with one scope. */
export interface Script {
  readonly kind: "http" | "sse" | "websocket";
  /** Throws before it gives a promise. */
  readonly throwsAtOnce: boolean;
  readonly steps: readonly Step[];
}

type Fields = Record<string, unknown>;

/** A script for one scope of `kind`. */
export function script(random: Random, kind: Script["kind"]): Script {
  const types = TYPES[kind];
  const steps: Step[] = [];
  const add = (event: unknown) =>
    steps.push({ do: "send", event, await: !random.once(6) });
  // Most begin well: what follows is tried in all states.
  if (!random.once(3)) add(goodEvent(random, random.pick(STARTS[kind])));
  for (let left = random.count(7); left > 0; left--) {
    const rare = random.below(25);
    if (rare < 3) {
      steps.push({ do: "receive", await: steps.length === 0 });
    } else if (rare < 6) steps.push({ do: "wait" });
    else if (rare < 8) steps.push({ do: "throw", value: oddValue(random) });
    else if (rare < 9) add(oddValue(random));
    else {
      const type = random.once(20)
        ? random.pick(ALL_TYPES)
        : random.pick(types);
      const event = goodEvent(random, type);
      add(random.once(3) ? spoilt(random, event) : event);
    }
  }
  return { kind, throwsAtOnce: random.once(40), steps };
}

const STARTS = {
  http: ["http.response.start"],
  sse: ["sse.start", "sse.http.response.start", "http.response.start"],
  websocket: ["websocket.accept", "websocket.http.response.start"],
} as const;

const TYPES = {
  http: [
    "http.response.start",
    "http.response.body",
    "http.response.body",
    "http.response.trailers",
    "http.fullflush",
  ],
  sse: [
    ...["sse.start", "sse.send", "sse.send", "sse.comment", "sse.keepalive"],
    ...["sse.close", "sse.http.response.start", "sse.http.response.body"],
    ...["http.response.start", "http.response.body", "http.fullflush"],
  ],
  websocket: [
    ...["websocket.accept", "websocket.send", "websocket.send"],
    ...["websocket.close", "websocket.keepalive"],
    ...["websocket.http.response.start", "websocket.http.response.body"],
  ],
} as const;
const ALL_TYPES: readonly string[] = [
  ...Object.values(TYPES).flat(),
  "lifespan.startup.complete",
  "http.request",
  "ext.x",
  "__proto__",
  "",
];

/** An event by the rules, whether it comes at the right moment or not. */
function goodEvent(random: Random, type: string): Fields {
  const maybe = (make: () => unknown) => random.once(2) ? make() : undefined;
  const head = () => ({
    type,
    status: random.once(3)
      ? random.pick([204, 205, 304, 206, 404, 500, 599])
      : 200 + random.below(400),
    headers: maybe(() => headerPairs(random)),
  });
  const chunk = () => ({
    type,
    body: maybe(() =>
      random.once(2) ? hostileText(random) : random.bytes(3000)
    ),
    more: maybe(() => random.pick([0, 1, true, false])),
  });
  if (type.endsWith("http.response.start") || type === "http.response.start") {
    return {
      ...head(),
      ...random.once(8) ? { trailers: random.pick([0, 1, true]) } : {},
    };
  }
  switch (type) {
    case "http.response.body":
      return random.once(8) ? fileEvent(random) : chunk();
    case "sse.http.response.body":
    case "websocket.http.response.body":
      return chunk();
    case "http.response.trailers":
      return { type, headers: maybe(() => headerPairs(random)) };
    case "sse.start": {
      const { status, headers } = head();
      return { type, headers, status: random.once(4) ? status : undefined };
    }
    case "sse.send":
      return {
        type,
        data: hostileText(random),
        event: maybe(() => hostileText(random, 3).replace(/[\r\n]/g, "")),
        id: maybe(() => "7"),
        retry: maybe(() => random.below(9)),
      };
    case "sse.comment":
      return { type, comment: hostileText(random) };
    case "sse.keepalive":
    case "websocket.keepalive":
      return {
        type,
        interval: random.pick([0, 0.001, 0.5, 1e300, 5e-324]),
        comment: maybe(() => hostileText(random)),
        // No answer to a ping is too late for a fuzzer.
        timeout: type === "sse.keepalive" ? undefined : maybe(() => 20),
      };
    case "sse.close":
      return { type, reason: maybe(() => hostileText(random)) };
    case "websocket.accept":
      return {
        type,
        subprotocol: maybe(() => random.text([..."ab9_-."], 4) || "x"),
        headers: maybe(() => headerPairs(random)),
      };
    case "websocket.send":
      return random.once(2)
        ? { type, text: hostileText(random) }
        : { type, bytes: random.bytes(3000) };
    case "websocket.close":
      return {
        type,
        code: maybe(() => random.pick([1000, 1001, 1011, 3000, 4999])),
        reason: maybe(() => hostileText(random, 3).slice(0, 30)),
      };
    default:
      return { type };
  }
}

function fileEvent(random: Random): Fields {
  const number = () => random.pick([undefined, 0, 1, 10, 2 ** 40]);
  const source = random.once(2)
    ? {
      file: random.pick([
        new URL(import.meta.url).pathname,
        "/nowhere",
        "/dev/zero",
        "/",
        "\0",
        "",
      ]),
    }
    : { fh: { read: () => Promise.resolve(random.pick([null, 0, 3])) } };
  return {
    type: "http.response.body",
    ...source,
    offset: number(),
    length: number(),
  };
}

const NAMES = [
  ...["x-a", "X-B", "content-type", "set-cookie", "server", "date", "vary"],
  ...["connection", "transfer-encoding", "keep-alive", "upgrade", "trailer"],
  ...["content-length", "content-encoding", "location", "te", "host"],
  ...["sec-websocket-accept", "sec-websocket-extensions", "link", "expect"],
  ...["sec-websocket-protocol", "proxy-authenticate", "a".repeat(300)],
];

function headerPairs(random: Random): unknown[] {
  return random.list(6, () => [
    random.pick(NAMES),
    random.one(
      () => random.text(["a", "b", " ", "\t", "é", "\xff", '"', ","], 12),
      () => random.pick(["close", "chunked", "websocket", "0", "5", "-1"]),
      () => random.once(3) ? random.text(BYTE_PIECES, 6) : "x",
    ),
  ]);
}

/** `event` with fields that are wrong, missing, odd, or throw when looked at. */
function spoilt(random: Random, event: Fields): unknown {
  const changed = { ...event };
  const put = (name: string, descriptor: PropertyDescriptor) =>
    Object.defineProperty(changed, name, {
      enumerable: true,
      configurable: true,
      ...descriptor,
    });
  for (let left = 1 + random.below(2); left > 0; left--) {
    const name = random.once(10)
      ? random.pick(["type", "extra", "__proto__", "file", "fh", "body"])
      : random.pick(Object.keys(event));
    if (name === "headers" && random.once(2)) {
      const pair = () =>
        random.one<unknown>(
          () => [hostileText(random, 3), hostileText(random, 3)],
          () => ["x-a", oddValue(random)],
          () => [oddValue(random), "x"],
          () => ["x-a", `${random.text(BYTE_PIECES, 2)}\r\nx: y`],
          () => oddValue(random),
        );
      put(name, { value: random.list(3, pair) });
      continue;
    }
    const how = random.below(6);
    if (how === 0) {
      put(name, {
        get() {
          throw new Sprung();
        },
      });
    } else if (how === 1) delete changed[name];
    else put(name, { value: oddValue(random) });
  }
  return random.once(4) ? Object.freeze(changed) : changed;
}

/** What a running script found out. */
export interface Course {
  /** Calls of the two ends of `pagi.connection`, 1 in all when it is over. */
  ends: number;
  readonly isHttp: boolean;
  readonly sent: Sent[];
  over: boolean;
  threw: boolean;
  finding: unknown;
}

/** Follows `script`; what does not hold is noted in `course`. */
export function follow(
  script: Script,
  course: Course,
  ...[scope, receive, send]: Parameters<PagiApp>
): Promise<void> {
  listen(scope, course);
  if (script.throwsAtOnce) {
    course.over = course.threw = true;
    throw new Sprung();
  }
  return run(script, course, receive, send);
}

function listen(scope: Scope, course: Course): void {
  if (scope.type !== "http") return;
  const ended = () => {
    if (++course.ends > 1) {
      course.finding = new Finding("a request ended twice");
    }
    throw new Sprung();
  };
  scope["pagi.connection"].onComplete(ended);
  scope["pagi.connection"].onDisconnect(ended);
}

async function run(
  { steps }: Script,
  course: Course,
  receive: Receive,
  send: Send,
): Promise<void> {
  const note = (error: unknown) => {
    try {
      holdError(error);
    } catch (finding) {
      course.finding = finding;
    }
  };
  try {
    for (const step of steps) {
      switch (step.do) {
        case "throw":
          course.threw = true;
          throw step.value;
        case "wait":
          await delay(1);
          break;
        case "receive": {
          const event = receive();
          if (step.await) await event;
          else event.catch(note);
          break;
        }
        case "send": {
          const record = { event: step.event, taken: true };
          course.sent.push(record);
          const sent = sending(send, step.event).catch((error) => {
            record.taken = false;
            note(error);
          });
          if (step.await) await sent;
        }
      }
    }
  } catch (error) {
    if (error instanceof Finding) course.finding = error;
    throw error;
  } finally {
    course.over = true;
  }
}

/** Sends; `send` gives a promise, whatever it is given. */
function sending(send: Send, event: unknown): Promise<void> {
  try {
    return send(event as SendEvent);
  } catch (error) {
    throw new Finding(`send threw, and did not reject: ${error}`);
  }
}

/** A rejected `send` tells a person what was wrong. */
function holdError(error: unknown): void {
  hold(
    error instanceof Error && error.message !== "",
    () => `send rejects with ${Deno.inspect(error).slice(0, 300)}`,
  );
  const { message } = error as Error;
  // Files and handles fail in other people's words.
  if (message.includes("PAGI.md")) holdOneLine(message);
}
