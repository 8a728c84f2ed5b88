/**
 * Fuzzes what apps send: whatever it is, the wire stays clean and the server
 * lives on.
 *
 * @module
 */

import { errorPage } from "../../src/middleware/error_page.ts";
import { lint } from "../../src/middleware/lint.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { type Course, follow, type Script, script } from "./app_scripts.ts";
import { FuzzServer } from "./fuzz_server.ts";
import { holdModel } from "./http_model.ts";
import type { Random } from "./random.ts";
import { readFrames } from "./read_frames.ts";
import { nextResponse, type WireResponse } from "./read_responses.ts";
import { Finding, hold, type Session, type Target } from "./target.ts";
import { RawConnection } from "../helpers/raw_connection.ts";

interface Scripted {
  readonly script: Script;
  readonly course: Course;
}

/** Sequences of events, right and wrong, in all three kinds of scope. */
export const apps: Target = target("apps", 80, null);

/** The same in development, where the order of events is checked too. */
export const appsInDevelopment: Target = target(
  "apps-in-development",
  40,
  (app) => errorPage(lint(app)),
);

function target(
  name: string,
  share: number,
  wrap: ((app: PagiApp) => PagiApp) | null,
): Target {
  const open = async (): Promise<Session> => {
    const scripts = new Map<string, Scripted>();
    const unended = new Set<Course>();
    const called: string[] = [];
    const logFile = Deno.makeTempFileSync({ prefix: "pagi-fuzz-" });
    const app: PagiApp = (scope, receive, send) => {
      if (scope.type === "lifespan") throw new Error("There is no lifespan.");
      called.push(scope.path);
      const { script, course } = scripts.get(scope.path)!;
      if (course.isHttp) unended.add(course);
      return follow(script, course, scope, receive, send);
    };
    const server = await FuzzServer.start(wrap?.(app) ?? app, {
      accessLog: logFile,
      accessLogFormat: "%U",
      noAccessLog: false,
    });
    let number = 0;
    return {
      parallel: 32,
      async round(random) {
        const tried = await converse(
          random,
          server.port,
          scripts,
          () => ++number,
          wrap === null,
        );
        for (const course of unended) {
          if (course.over && course.ends === 1) unended.delete(course);
        }
        return tried;
      },
      async close() {
        await server.stop();
        const lines = Deno.readTextFileSync(logFile).trimEnd().split("\n");
        Deno.removeSync(logFile);
        for (const course of unended) {
          hold(
            course.ends === 1,
            () => "a request has neither onComplete nor onDisconnect",
          );
        }
        // What comes behind a failed request may be refused, and is logged too.
        const logged = new Set(lines);
        hold(
          logged.size === lines.length,
          () =>
            `${lines.length - logged.size} lines of the access log too many`,
        );
        const missing = called.filter((path) => !logged.has(path));
        hold(
          missing.length === 0,
          () => `the access log has no line for ${missing}`,
        );
      },
    };
  };
  return { name, share, open };
}

async function converse(
  random: Random,
  port: number,
  scripts: Map<string, Scripted>,
  number: () => number,
  modelled: boolean,
): Promise<number> {
  const kind = random.pick(
    ["http", "http", "http", "sse", "websocket"] as const,
  );
  const count = kind === "websocket" ? 1 : 1 + random.below(6);
  const ways: string[] = [];
  const scripted: Scripted[] = [];
  const method = random.once(6) ? "HEAD" : random.pick(["GET", "POST"]);
  let request = "";
  for (let i = 0; i < count; i++) {
    const one = {
      script: script(random, kind),
      course: {
        ends: 0,
        isHttp: kind === "http",
        sent: [],
        over: false,
        threw: false,
        finding: null,
      },
    };
    const way = `/${number()}`;
    scripts.set(way, one);
    ways.push(way);
    scripted.push(one);
    request += kind === "websocket"
      ? `GET ${way} HTTP/1.1\r\nhost: x\r\n${UPGRADE}\r\n`
      : `${method} ${way} HTTP/1.1\r\nhost: x\r\n${
        kind === "sse" ? "accept: text/event-stream\r\n" : ""
      }${method === "POST" ? "content-length: 0\r\n" : ""}\r\n`;
  }
  try {
    using wire = await RawConnection.open(port);
    await wire.trySend(request);
    for (let i = 0; i < count; i++) {
      const response = await nextResponse(
        wire,
        kind === "websocket" ? "GET" : method,
      );
      if (response === null) {
        // A request is answered, or the one before ended the connection.
        hold(i > 0 || scripted[0].course.over, () => "there was no response");
        break;
      }
      holdClean(response);
      const { course } = scripted[i];
      if (kind === "http" && modelled) {
        holdModel(course.sent, course.threw, method, response);
      }
      hold(
        i < count - 1 || wire.received === "" || kind === "websocket",
        () => `more than was asked for: ${wire.received}`,
      );
      if (response.status === 101) {
        hold(kind === "websocket", () => "101 without an upgrade");
        await readFrames(wire);
      }
      if (!response.whole || response.untilEnd) break;
    }
    for (const { course } of scripted) {
      if (course.finding !== null) throw course.finding;
    }
    return count;
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    throw new Finding(
      `${error.message}; apps: ${
        Deno.inspect(scripted.map(({ script }) => script), {
          depth: 6,
          breakLength: Infinity,
        })
      }`,
    );
  } finally {
    for (const way of ways) scripts.delete(way);
  }
}

/** What no response may hold, whatever the app sent. */
function holdClean({ status, fields }: WireResponse): void {
  hold(
    status === 101 || status >= 200,
    () => `a response of status ${status}`,
  );
  for (const [name, value] of fields) {
    hold(
      !(name === "connection" && /chunked|websocket/.test(value)),
      () => `an app's own ${name} left: ${value}`,
    );
  }
}

const UPGRADE = [
  "connection: Upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
].join("\r\n");
