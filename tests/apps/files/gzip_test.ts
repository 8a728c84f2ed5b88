/** Compression, and archives, leave turns to others. */

import { gunzipSync } from "node:zlib";
import { DirectoryApp } from "../../../src/apps/directory.ts";
import { gzipBytes } from "../../../src/apps/files/gzip.ts";
import { PACE } from "../../../src/apps/files/time_slice.ts";
import { assert, assertEquals } from "../../../src/std/assert.ts";
import { join } from "../../../src/std/path.ts";
import { runApp } from "../../helpers/run_app.ts";
import { tempFolder } from "../../helpers/temp_folder.ts";

const CHUNKS = 20;
/** Different in each chunk of 64 KiB. */
const CONTENT = new Uint8Array(CHUNKS * 65536).map((_, i) => i ^ i >> 16);

/** Turns that others have while `work` runs, each of whose slices ends at once. */
async function turnsBeside(work: () => Promise<unknown>): Promise<number> {
  const usual = { ...PACE };
  PACE.slice = PACE.compression = -1;
  let turns = 0;
  const count = () => {
    turns++;
    timer = setTimeout(count, 0);
  };
  let timer = setTimeout(count, 0);
  try {
    await work();
  } finally {
    clearTimeout(timer);
    Object.assign(PACE, usual);
  }
  return turns;
}

Deno.test("others have a turn after each 64 KiB that are compressed", async () => {
  let compressed: Uint8Array = new Uint8Array();
  const turns = await turnsBeside(async () => {
    compressed = await gzipBytes(CONTENT);
  });
  assertEquals(new Uint8Array(gunzipSync(compressed)), CONTENT);
  assert(compressed.length < CONTENT.length);
  assert(turns >= CHUNKS / 2, `${turns} turns`);
  assertEquals(gunzipSync(await gzipBytes(new Uint8Array())).length, 0);
});

Deno.test("others have a turn after each 64 KiB of a file that is compressed as it is sent", async () => {
  const root = tempFolder();
  try {
    Deno.writeFileSync(join(root, "file.txt"), CONTENT);
    const app = new DirectoryApp({ root }).toApp();
    const headers = { "accept-encoding": "gzip" };
    let body: Uint8Array = new Uint8Array();
    const turns = await turnsBeside(async () => {
      body = (await runApp(app, { target: "/file.txt", headers })).body;
    });
    assertEquals(new Uint8Array(gunzipSync(body)), CONTENT);
    assert(turns >= CHUNKS / 2, `${turns} turns`);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("others have a turn after each 64 KiB of an archive", async () => {
  const root = tempFolder();
  try {
    Deno.writeFileSync(join(root, "file"), CONTENT);
    const app = new DirectoryApp({ root }).toApp();
    for (const format of ["zip", "tar", "tar.gz"]) {
      const target = `/?archive=${format}`;
      const turns = await turnsBeside(() => runApp(app, { target }));
      assert(turns >= CHUNKS / 2, `${format}: ${turns} turns`);
    }
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
