/**
 * Whether all contenders answer the same: otherwise they are not compared.
 *
 * @module
 */

import { cert } from "../tests/guard/certificate.ts";
import type { RunningServer } from "./running_server.ts";

/** What is asked, and what of the answers has to be the same. */
export interface Ask {
  /** "/" */
  readonly path?: string;
  readonly method?: string;
  readonly headers?: (server: RunningServer) => Promise<[string, string][]>;
  readonly body?: string;
  readonly scheme?: "http" | "https";
  /** What all have to answer (200). */
  readonly status?: number;
  /** Header fields that have to be the same (`["content-type"]`). */
  readonly fields?: readonly string[];
  /** Bodies may differ, as listings do. */
  readonly anyBody?: boolean;
}

/** Asks one server. */
export async function answer(
  server: RunningServer,
  { path = "/", method, headers, body, scheme = "http" }: Ask,
): Promise<{ response: Response; bytes: Uint8Array<ArrayBuffer> }> {
  using client = Deno.createHttpClient({
    caCerts: [cert],
    poolMaxIdlePerHost: 0,
  });
  const fields = new Headers({ "accept-encoding": "identity" });
  for (const [name, value] of await headers?.(server) ?? []) {
    fields.set(name, value);
  }
  const response = await fetch(`${scheme}://127.0.0.1:${server.port}${path}`, {
    method,
    headers: fields,
    body,
    client,
  });
  return { response, bytes: await response.bytes() };
}

/**
 * Asks all.
 *
 * @throws {Error} When a status is wrong or two answers differ.
 */
export async function checkSame(
  servers: readonly RunningServer[],
  ask: Ask,
): Promise<void> {
  let first: { name: string; told: string } | undefined;
  for (const server of servers) {
    const told = await describe(server, ask);
    first ??= { name: server.name, told };
    if (told !== first.told) {
      throw new Error(
        `The answers differ: ${first.name} gives ${first.told}, but ${server.name} gives ${told}.`,
      );
    }
  }
}

async function describe(server: RunningServer, ask: Ask): Promise<string> {
  const { response, bytes } = await answer(server, ask).catch((error) => {
    throw new Error(`${server.name} gives no answer.`, { cause: error });
  });
  if (response.status !== (ask.status ?? 200)) {
    throw new Error(`${server.name} answers ${response.status}.`);
  }
  const fields = (ask.fields ?? ["content-type"]).map((name) =>
    `${name}: ${response.headers.get(name)}`
  );
  const body = ask.anyBody
    ? []
    : [`${bytes.length} bytes with digest ${await digest(bytes)}`];
  return [...fields, ...body].join(", ");
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(hash).slice(0, 8).toHex();
}
