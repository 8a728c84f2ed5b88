/**
 * WebSockets that send a message again as soon as it came back:
 * `echo_client.ts PORTS CONNECTIONS SECONDS`.
 *
 * @module
 */

import { Asking } from "./asking.ts";
import { clientFrame, openWebSocket, serverFrame } from "./handshake.ts";
import { ports, takeTurns } from "./turns.ts";

const [connections, seconds] = Deno.args.slice(1).map(Number);
const TEXT = "thirty-two bytes, there and back";

const loaders = ports(Deno.args[0]).map((port) =>
  new Asking(
    Array.from({ length: connections }, () => openWebSocket(port)),
    clientFrame(TEXT),
    serverFrame(TEXT).length,
  )
);
takeTurns(loaders, seconds);
