/**
 * A Worker that for a second opens a connection, asks once and leaves, again
 * and again, and reports how often that failed.
 *
 * @module
 */

import { RawClient } from "./guarded_server.ts";

const parent = self as unknown as Worker; // types are those of the main thread

parent.onmessage = async ({ data: port }: MessageEvent<number>) => {
  let answered = 0;
  const failed: string[] = [];
  for (const end = performance.now() + 1000; performance.now() < end;) {
    using client = new RawClient(await Deno.connect({ port }));
    await client.get();
    const response = await client.response();
    if (response.endsWith("unharmed")) answered++;
    else failed.push(response);
  }
  parent.postMessage({ answered, failed });
};
