/**
 * How the stream of a fetch handler's response ends.
 *
 * @module
 */

import { PassedBody } from "../../src/server/response/passed_body.ts";
import { assertEquals } from "../../src/std/assert.ts";

/** Has `end` end a stream whose reader waits for a chunk; returns what was reported. */
async function outcome(
  end: (
    reader: ReadableStreamDefaultReader<Uint8Array>,
    source: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
  ) => void,
): Promise<string> {
  let source!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => void (source = controller),
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  new PassedBody(
    {
      passed: () => resolve("passed"),
      passFailed: (error) => resolve(`failed: ${error}`),
      cancelled: () => resolve("cancelled"),
    },
    stream,
    false,
    null,
    null,
  );
  const reader = stream.getReader();
  const read = reader.read();
  end(reader, source);
  await read.catch(() => {});
  return await promise;
}

Deno.test("a stream is reported as its source or its reader ends it", async () => {
  assertEquals(await outcome((_, source) => source.close()), "passed");
  assertEquals(
    await outcome((_, source) => source.error("on purpose")),
    "failed: on purpose",
  );
  assertEquals(await outcome((reader) => void reader.cancel()), "cancelled");
});
