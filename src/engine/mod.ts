/**
 * All that the server uses of Deno's internals.
 *
 * No other directory knows of them. Each is a {@linkcode Door}, which is checked
 * when its module is loaded; in a Deno of another shape the server uses a public
 * API. A test shuts one with {@linkcode shutDoor}.
 */

import { type Door, loadedDoors } from "./door.ts";
import "./error_text.ts";
import { EPOLL, ownDescriptors } from "./own_descriptors.ts";
import { tryRequest } from "./request.ts";
import "./response.ts";
import "./stream.ts";
import "./websocket.ts";

export { type Door, shutDoor } from "./door.ts";

/** All doors, in the order of their names. */
export function doors(): readonly Door[] {
  return [...loadedDoors()].sort(({ facts: a }, { facts: b }) =>
    a.name < b.name ? -1 : 1
  );
}

/** A line for each door: open or shut, its name, what that means. */
export function doorLines(): string[] {
  return doors().map(({ isOpen, facts: { name, gives, otherwise, source } }) =>
    isOpen
      ? `open  ${name}: ${gives} (${source})`
      : `shut  ${name}: ${otherwise} (${source})`
  );
}

/** A summary in one line, for the log. */
export function doorSummary(): string {
  const all = doors();
  const shut = all.filter(({ isOpen }) => !isOpen)
    .map(({ facts }) => facts.name);
  return `Deno ${Deno.version.deno}: ${
    all.length - shut.length
  } of ${all.length} of the internals that the server uses are as expected${
    shut.length === 0 ? "" : `; not ${shut.join(", ")}`
  } (pagi-server --version --verbose)`;
}

const REQUEST = "GET / HTTP/1.1\r\nX-B: 1\r\nX-A: 2\r\nx-b: 3\r\n" +
  "Content-Length: 4\r\nConnection: close\r\n\r\nbody";

/**
 * Shuts the doors that do not fit a request of `Deno.serve`: sends one to itself,
 * over a port of 127.0.0.1 that is open meanwhile. Without the permission for
 * the network the doors stay as they are.
 */
export async function tryDoors(): Promise<void> {
  if (Deno.permissions.querySync({ name: "net" }).state !== "granted") return;
  const hostname = "127.0.0.1";
  try {
    const server = Deno.serve(
      { hostname, port: 0, onListen() {} },
      (request) => {
        tryRequest(request);
        EPOLL.check(() => ownDescriptors() !== null);
        return new Response();
      },
    );
    try {
      const { port } = server.addr;
      using client = await Deno.connect({ hostname, port });
      await client.write(new TextEncoder().encode(REQUEST));
      await new Response(client.readable).bytes();
    } finally {
      await server.shutdown();
    }
  } catch {
    // No descriptor is free, or there is no such address.
  }
}
