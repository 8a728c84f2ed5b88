/**
 * Runs cases of the wire suite against one real server.
 *
 * @module
 */

import type { Settings } from "../../../src/options/settings.ts";
import { fetchApp } from "../../../src/loader/fetch_app.ts";
import type {
  HttpScope,
  PagiApp,
  Receive,
  Send,
} from "../../../src/pagi/types.ts";
import { assertEquals, assertMatch } from "../../../src/std/assert.ts";
import { httpApp, reply } from "../../helpers/http_app.ts";
import type { RawConnection } from "../../helpers/raw_connection.ts";
import { delay, until } from "../../helpers/wait.ts";
import { withServer } from "../../helpers/with_server.ts";
import type { WireCase } from "./wire_case.ts";

/** One case while it runs. */
interface Run {
  readonly row: WireCase;
  /** What the app has seen. */
  readonly app: string[];
  /** The server kept the connection open, so the test closed it. */
  kept: boolean;
}

/** How long a connection may stay silent before it counts as kept (ms). */
const SILENCE_MS = 10_000;

/** Every case has a connection of its own; the client's port names it. */
type Runs = ReadonlyMap<number, Run>;

/** Registers a test with a step for each case. */
export function testCases(
  title: string,
  cases: readonly WireCase[],
  settings: Partial<Settings> = {},
  makeApp: (runs: Runs) => PagiApp = protocolApp,
): void {
  Deno.test(`HTTP/1.1 on the wire: ${title}`, async (t) => {
    const runs = new Map<number, Run>();
    const app = makeApp(runs);
    await withServer(app, settings, async ({ connect }) => {
      for (const row of cases) {
        await t.step(`${row.title} [RFC ${row.rfc}]`, async () => {
          const client = await connect();
          const run: Run = { row, app: [], kept: false };
          const local = client.connection.localAddr as Deno.NetAddr;
          runs.set(local.port, run);
          const timer = setTimeout(() => {
            run.kept = true;
            client.close();
          }, SILENCE_MS);
          try {
            await check(run, client);
          } finally {
            clearTimeout(timer);
            client.close();
          }
        });
      }
    });
  });
}

function protocolApp(runs: Runs): PagiApp {
  return httpApp(async (scope, receive, send) => {
    const run = runs.get(scope.client![1])!;
    await observe(run, scope, receive, send);
  });
}

/**
 * Answers as a fetch handler at once, and writes down what it sees: of a GET no
 * body.
 */
export function fetchHandler(runs: Runs): PagiApp {
  return fetchApp({
    fetch(request, { remoteAddr }) {
      const target = bytesOf(/^[a-z+]+:\/\/[^/?]*(.*)$/.exec(request.url)![1]);
      if (target === "/probe") return new Response("probe");
      const { app } = runs.get((remoteAddr as Deno.NetAddr).port)!;
      app.push(`${request.method} ${target.replace(/[?]$/, "")}`);
      return new Response("seen");
    },
  });
}

/** Text as the app of a scope sees it: a code unit for each byte. */
function bytesOf(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

/** Writes down what the app sees of a request, and has it served. */
async function observe(
  { row, app }: Run,
  scope: HttpScope,
  receive: Receive,
  send: Send,
): Promise<void> {
  const { method, raw_path, query_string } = scope;
  if (raw_path === "/probe") return await reply(send, "probe");
  const at = app.length;
  const request = `${method} ${raw_path}${query_string && `?${query_string}`}`;
  let body = "";
  app.push(request);
  const watched: Receive = async () => {
    const event = await receive();
    if (row.client !== undefined) {
      // It is a matter of time what came before the client left.
      app[at] = `${request}…`;
    } else if (event.type === "http.request") {
      for (const byte of event.body) body += String.fromCharCode(byte);
      app[at] = `${request} ${body}${event.more ? "…" : ""}`.trimEnd();
    } else if (!app[at].endsWith("…")) app[at] += "…";
    return event;
  };
  if (row.serve) return await row.serve(scope, watched, send);
  let event = await watched();
  while (event.type === "http.request" && event.more) event = await watched();
  if (event.type === "http.request") await reply(send, body);
}

async function check(run: Run, client: RawConnection): Promise<void> {
  const { row, app } = run;
  await write(client, run);
  const wanted = row.answers === "" ? [] : row.answers.split(" ");
  const answers: string[] = [];
  let wire = "";
  for (const statuses of wanted) {
    const answer = await client.response(isHead(row)).catch(String);
    if (typeof answer === "string") {
      // A head came, and then not all of the body.
      if (!answer.includes(String.raw`"\r\n\r\n"`)) answers.push("cut");
      break;
    }
    wire += answer.head + answer.body;
    const status = String(answer.status);
    answers.push(statuses.split("|").includes(status) ? statuses : status);
  }
  const connection = row.client === "leaves"
    ? "closed"
    : row.connection === "kept"
    ? await probe(client, answers)
    : await end(run, client, answers);
  await settled(app, row.app);
  assertEquals({ answers, connection, app }, {
    answers: wanted,
    connection: row.connection,
    app: row.app,
  });
  if (row.wire) assertMatch(wire, row.wire);
}

async function write(client: RawConnection, { row, app }: Run): Promise<void> {
  const pieces = typeof row.send === "string" ? [row.send] : row.send;
  try {
    for (const [i, piece] of pieces.entries()) {
      if (i === pieces.length - 1 && row.seenFirst !== undefined) {
        await until(() => app.at(-1) === row.seenFirst);
      } else if (i > 0) {
        // So they are mostly read one by one; where they are many, some are.
        await delay(pieces.length < 4 ? 20 : 2);
      }
      await client.send(piece);
    }
    if (row.client === "half-closes") await client.connection.closeWrite();
  } catch {
    // The server had enough; its answers tell.
  }
  if (row.client === "leaves") client.close();
}

/** Tells whether the next request is answered. */
async function probe(
  client: RawConnection,
  answers: string[],
): Promise<WireCase["connection"]> {
  await client.request("GET /probe").catch(() => {});
  const answer = await client.response().catch(() => null);
  if (answer === null) return "closed";
  if (answer.body !== "probe") answers.push(String(answer.status));
  return "kept";
}

/** Tells whether the connection ends, and what it says before. */
async function end(
  run: Run,
  client: RawConnection,
  answers: string[],
): Promise<WireCase["connection"]> {
  const rest = await client.rest();
  for (const [, status] of rest.matchAll(/HTTP\/1\.[01] (\d{3})/g)) {
    // So the guard answers requests behind one that ends the connection.
    if (status !== "503") answers.push(status);
  }
  return run.kept ? "kept" : "closed";
}

/** The app may hear of the end later than the client. */
async function settled(
  app: readonly string[],
  expected: readonly string[],
): Promise<void> {
  await until(() => app.join("\n") === expected.join("\n"))
    .catch(() => {}); // The comparison tells what is different.
}

function isHead({ send }: WireCase): boolean {
  return (typeof send === "string" ? send : send.join("")).startsWith("HEAD ");
}
