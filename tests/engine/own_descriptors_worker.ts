/**
 * A thread with a server of its own, which tells its descriptors when asked.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { ownDescriptors } from "../../src/engine/own_descriptors.ts";

const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  () => new Response("ours"),
);
const { port } = server.addr as Deno.NetAddr;
self.onmessage = () => {
  self.postMessage({ port, own: [...ownDescriptors() ?? []] });
};
self.postMessage({ port, own: [] });
