/**
 * `--probe`: a health check, once.
 *
 * It loads nothing of the server, and needs neither a shell nor curl: a health
 * check in a container that has only this program.
 */

import type { ProbeTarget } from "../options/value_types.ts";
import { ProbeError } from "./terminal.ts";
import { VERSION } from "./version.ts";
import { messageOf } from "../options/option_error.ts";
import type { Timer } from "../std/timer.ts";

const PATIENCE_SECONDS = 5;
/** The status line of an HTTP/1.1 response (RFC 9112, 4). */
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})[ \r]/;
/** A longer first line is no status line. */
const MAX_CHARACTERS = 1024;

/**
 * Sends one GET and waits for the status.
 *
 * The certificate of a server on this machine is not verified: it is made for
 * the names that others call it by, and nobody stands in between.
 *
 * @param seconds How long the answer may take, from the first step on.
 * @throws {ProbeError} When the status is not one of 200–399, comes too late, or
 * not at all.
 */
export async function probe(
  target: ProbeTarget,
  seconds: number = PATIENCE_SECONDS,
): Promise<void> {
  const place = "path" in target ? `unix:${target.path}` : target.href;
  const fail = (what: string) => new ProbeError(`--probe ${place}: ${what}`);
  const opening = open(target);
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(fail(`no answer within ${seconds} seconds.`));
    }, seconds * 1000);
  });
  const asked = opening.then((connection) => ask(connection, target));
  try {
    const status = await Promise.race([asked, late]);
    if (status === null) throw fail("the answer is not HTTP/1.1.");
    if (status < 200 || status > 399) throw fail(`the answer is ${status}.`);
  } catch (error) {
    if (error instanceof ProbeError) throw error;
    throw fail(`${messageOf(error)}.`);
  } finally {
    clearTimeout(timer);
    asked.catch(() => {});
    opening.then((connection) => connection.close(), () => {});
  }
}

/** A connection of Deno or of Node: what both have in common. */
interface Connection {
  send(bytes: Uint8Array): unknown;
  readonly received: AsyncIterable<Uint8Array>;
  close(): void;
}

async function open(target: ProbeTarget): Promise<Connection> {
  if ("path" in target) {
    return overDeno(
      await Deno.connect({ transport: "unix", path: target.path }),
    );
  }
  const { protocol, hostname, port } = target;
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (protocol === "http:") {
    return overDeno(await connect(host, Number(port || 80)));
  }
  // Deno's own cannot do without a certificate that it trusts.
  const tls = await import("node:tls");
  const socket = tls.connect({
    host,
    port: Number(port || 443),
    rejectUnauthorized: !isLoopback(hostname),
  });
  return {
    send: (bytes) => socket.write(bytes),
    received: socket,
    close: () => socket.destroy(),
  };
}

/** Deno before 2.9 tries only the first address of a name, of which this has two. */
async function connect(hostname: string, port: number): Promise<Deno.Conn> {
  if (hostname !== "localhost") return await Deno.connect({ hostname, port });
  return await Deno.connect({ hostname: "::1", port })
    .catch(() => Deno.connect({ hostname: "127.0.0.1", port }));
}

function overDeno(connection: Deno.Conn): Connection {
  return {
    send: (bytes) => connection.write(bytes),
    received: connection.readable,
    close() {
      try {
        connection.close();
      } catch {
        // It has closed with its stream.
      }
    },
  };
}

/** The status of the response; null without one. */
async function ask(
  connection: Connection,
  target: ProbeTarget,
): Promise<number | null> {
  const [host, path] = "path" in target
    ? ["localhost", "/"]
    : [target.host, target.pathname + target.search];
  await connection.send(
    new TextEncoder().encode(
      `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n` +
        `user-agent: pagi-server-probe/${VERSION}\r\n` +
        "accept: */*\r\nconnection: close\r\n\r\n",
    ),
  );
  const decoder = new TextDecoder("latin1");
  let text = "";
  for await (const bytes of connection.received) {
    text += decoder.decode(bytes);
    const status = STATUS_LINE.exec(text)?.[1];
    if (status !== undefined) return Number(status);
    if (text.length > MAX_CHARACTERS) break;
  }
  return null;
}

/** Whether a URL's host is this machine. */
function isLoopback(hostname: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
