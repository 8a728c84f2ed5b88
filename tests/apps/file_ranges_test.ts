/** Parts of large files, as they arrive. */

import { FileApp } from "../../src/apps/file.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { withServer } from "../helpers/with_server.ts";

const SIZE = 1_000_000;
const PARTS: [range: string, from: number, to: number][] = [
  ["0-0", 0, 1],
  ["0-65535", 0, 65_536],
  ["1-65536", 1, 65_537],
  ["100000-800000", 100_000, 800_001],
  ["999999-", SIZE - 1, SIZE],
  ["500000-", 500_000, SIZE],
  ["-70000", SIZE - 70_000, SIZE],
];

Deno.test("parts of a large file arrive exactly, one after the other on a connection", async () => {
  const root = tempFolder();
  const path = join(root, "large.bin");
  try {
    const content = new Uint8Array(SIZE).map((_, i) => i * 7 + (i >> 8));
    Deno.writeFileSync(path, content);
    const app = new FileApp({ root }).toApp();
    await withServer(app, {}, async ({ connect }) => {
      const connection = await connect();
      for (const [range, from, to] of PARTS) {
        await connection.request(
          "GET /large.bin",
          `Range: bytes=${range}`,
        );
        const { status, headers, body } = await connection.response();
        assertEquals(status, 206, range);
        assertEquals(headers.get("content-length"), String(to - from));
        assertEquals(
          headers.get("content-range"),
          `bytes ${from}-${to - 1}/${SIZE}`,
        );
        assert(body === bytesAsText(content.subarray(from, to)), range);
      }
      if (Deno.build.os !== "linux") return;
      const open = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
        try {
          return Deno.readLinkSync(`/proc/self/fd/${name}`);
        } catch {
          return null;
        }
      });
      assert(!open.includes(Deno.realPathSync(path)), "a file is still open");
    });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

for (const size of [10_000, SIZE]) {
  Deno.test(`several ranges of a file of ${size} bytes arrive as parts, the length said before`, async () => {
    const root = tempFolder();
    try {
      const content = new Uint8Array(size).map((_, i) => i * 7 + (i >> 8));
      Deno.writeFileSync(join(root, "large.bin"), content);
      const app = new FileApp({ root }).toApp();
      await withServer(app, {}, async ({ connect }) => {
        const connection = await connect();
        const range = `Range: bytes=-3, 0-0,${size}-,1000-6999`;
        await connection.request("GET /large.bin", range);
        const { status, headers, body } = await connection.response();
        assertEquals(status, 206);
        assertEquals(headers.get("content-length"), String(body.length));
        assertEquals(headers.get("content-range"), undefined);
        const [, boundary] = headers.get("content-type")!
          .split("multipart/byteranges; boundary=");
        const type = "content-type: application/octet-stream";
        const parts = [[size - 3, size - 1], [0, 0], [1000, 6999]]
          .map(([from, to]) =>
            `\r\n--${boundary}\r\n${type}\r\n` +
            `content-range: bytes ${from}-${to}/${size}\r\n\r\n` +
            bytesAsText(content.subarray(from, to + 1))
          );
        assert(body === `${parts.join("")}\r\n--${boundary}--\r\n`);

        // The version counts, and a request without a range goes on.
        const stale = 'If-Range: "another"';
        await connection.request("GET /large.bin", range, stale);
        assertEquals((await connection.response()).body.length, size);
      });
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  });
}

/** One code unit per byte. */
function bytesAsText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
