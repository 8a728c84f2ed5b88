/**
 * Uploads that are broken off at random bytes, on a server in a process of its
 * own, which then has as many open descriptors as before:
 * `deno run -A tests/apps/uploads/abort_uploads.ts 10000`.
 *
 * @module
 */

import { concat } from "../../../src/std/bytes.ts";
import { ALL, UploadFolder } from "../../helpers/upload_folder.ts";
import { delay, until } from "../../helpers/wait.ts";
import { withServer } from "../../helpers/with_server.ts";

/** Uploads at a time. */
const AT_ONCE = 16;
const SIZE = 200_000;
const count = Number(Deno.args[0] ?? 300);
const encoder = new TextEncoder();
const CONTENT = new Uint8Array(SIZE).fill(0x61);

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Sends `cut` bytes of a request, and leaves in one of three ways. */
async function abort(
  port: number,
  isForm: boolean,
  cut: number,
): Promise<void> {
  const head = isForm
    ? `POST / HTTP/1.1\r\nhost: localhost:${port}\r\ncontent-length: ${SIZE}\r\n` +
      "content-type: multipart/form-data; boundary=AaB\r\n\r\n" +
      '--AaB\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
    : `PUT /a HTTP/1.1\r\nhost: localhost:${port}\r\ncontent-length: ${SIZE}\r\n\r\n`;
  const connection = await Deno.connect({ port });
  try {
    const bytes = concat([encoder.encode(head), CONTENT]);
    for (let at = 0; at < cut;) {
      at += await connection.write(bytes.subarray(at, cut));
    }
    if (cut % 3 === 0) await connection.closeWrite();
  } catch {
    // The server may be faster.
  }
  connection.close();
}

using folder = new UploadFolder(ALL);

/** Breaks `left` uploads off, some at a time. */
async function abortAll(port: number, left: number): Promise<void> {
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) {
      // Never all of it.
      const cut = Math.floor(Math.random() ** 3 * (SIZE - 1));
      await abort(port, left % 2 === 0, cut);
      const visible = Object.keys(folder.tree()).filter((name) =>
        !name.startsWith(".")
      );
      if (visible.length > 0) throw new Error(`${visible} is visible.`);
    }
  }));
  await until(() => Object.keys(folder.tree()).length === 0);
}

await withServer(folder.app, {}, async ({ port }) => {
  // The first requests open what the process keeps.
  await abortAll(port, 100);
  await delay(1000);
  const before = descriptors();
  await abortAll(port, count);
  await until(() => descriptors() <= before);
  // deno-lint-ignore no-console
  console.log(
    `${count} uploads broken off: no file and no descriptor is left.`,
  );
});
Deno.exit();
