/** Names whose bytes are not UTF-8, and names that only look alike. */

import { DirectoryApp } from "../../src/apps/directory.ts";
import { FileApp } from "../../src/apps/file.ts";
import { UrlMapApp } from "../../src/apps/url_map.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { assertEquals } from "../../src/std/assert.ts";
import { holdFileLibrary } from "../../src/system/file_names.ts";
import { makeByteTree, NAMES_CAN_BE_BYTES } from "../helpers/byte_names.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { delay } from "../helpers/wait.ts";

const ignore = !NAMES_CAN_BE_BYTES;

const FILES = {
  "caf\udce9.txt": "latin name",
  "caf\u00e9.txt": "utf-8 name",
  "only\u00e9.txt": "utf-8 alone",
  "na\udcefve.txt": "latin alone",
  "Bj\udcf6rk/song.mp3": "music",
  "Bj\udcf6rk/index.html": "<p>index",
  "\u65e5\u672c/\udcff\udcfe": "mixed",
  "\udcae\udcae/x": "no dots",
  "page\udce9.html": "page",
};

async function withTree(
  body: (root: string) => Promise<void>,
  root = Deno.realPathSync(tempFolder()),
): Promise<void> {
  using _library = holdFileLibrary(); // as a server does
  try {
    makeByteTree(root, FILES);
    await body(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

async function get(
  app: PagiApp,
  target: string,
  rootPath = "",
): Promise<string> {
  const response = await runApp(app, { target, rootPath });
  const { status, text } = response;
  return status === 200
    ? text
    : `${status} ${response.header("location") ?? ""}`.trim();
}

const ANSWERS: Record<string, string> = {
  "/caf%E9.txt": "latin name",
  "/caf%e9.txt": "latin name",
  "/caf\xe9.txt": "latin name",
  "/caf%C3%A9.txt": "utf-8 name",
  "/only%E9.txt": "404",
  "/only%C3%A9.txt": "utf-8 alone",
  "/na%EFve.txt": "latin alone",
  "/na%C3%AFve.txt": "404",
  "/na%EF%BF%BDve.txt": "404",
  "/Bj%F6rk/song.mp3": "music",
  "/Bj%F6rk/./x/../song.mp3": "music",
  "/Bj%F6rk/": "<p>index",
  "/Bj%F6rk?q=%F6": "301 /Bj%F6rk/?q=%F6",
  "/Bj%F6rk%2F": "301 /Bj%F6rk/",
  "/%E6%97%A5%E6%9C%AC/%FF%FE": "mixed",
  "/%E6%97%A5%E6%9C%AC/%FF": "404",
  "/%AE%AE/x": "no dots",
  "/%C0%AE%C0%AE/x": "404",
  "/caf%E9.txt%00": "400",
};

Deno.test("a name that is not UTF-8 is served, and never another file for it", {
  ignore,
}, async () => {
  await withTree(async (root) => {
    for (const App of [FileApp, DirectoryApp]) {
      const app = new App({ root }).toApp();
      // In both orders, and again once they could be in memory.
      await delay(50);
      for (let round = 0; round < 3; round++) {
        for (const [target, answer] of Object.entries(ANSWERS)) {
          assertEquals(await get(app, target), answer, target);
        }
        for (const [target, answer] of Object.entries(ANSWERS).reverse()) {
          assertEquals(await get(app, target), answer, target);
        }
      }
    }
  });
});

Deno.test("such names are served below a mount, and have clean addresses", {
  ignore,
}, async () => {
  await withTree(async (root) => {
    const files = new FileApp({ root, cleanUrls: true }).toApp();
    const app = new UrlMapApp().mount("/m", files).toApp();
    assertEquals(await get(app, "/m/caf%E9.txt"), "latin name");
    assertEquals(await get(app, "/m/caf%C3%A9.txt"), "utf-8 name");
    assertEquals(await get(app, "/m/only%E9.txt"), "404");
    assertEquals(await get(app, "/m/Bj%F6rk"), "301 /m/Bj%F6rk/");
    assertEquals(await get(app, "/m/page%E9"), "page");
    assertEquals(await get(app, "/m/page%E9.html"), "301 /m/page%E9");
  });
});

Deno.test("links to such names and roots below them are followed", {
  ignore,
}, async () => {
  await withTree(async (root) => {
    Deno.symlinkSync(".", `${root}/self`);
    new Deno.Command("sh", {
      args: [
        "-c",
        `cd "$1" && ln -s "$(printf 'caf\\351.txt')" link.txt && ` +
        `ln -s "$(printf 'Bj\\366rk')" current`,
        "sh",
        root,
      ],
    }).outputSync();
    const app = new FileApp({ root }).toApp();
    assertEquals(await get(app, "/link.txt"), "latin name");
    assertEquals(await get(app, "/self/caf%E9.txt"), "latin name");
    assertEquals(await get(app, "/current/song.mp3"), "music");
    const linked = new FileApp({ root: `${root}/current` }).toApp();
    assertEquals(await get(linked, "/song.mp3"), "music");
  });
});

Deno.test("such a name lets nothing out that is hidden or outside", {
  ignore,
}, async () => {
  await withTree(async (root) => {
    makeByteTree(root, { ".h\udce9": "hidden", "sub/.\udce9/x": "hidden" });
    const app = new FileApp({ root: `${root}/sub` }).toApp();
    assertEquals(await get(app, "/.%E9/x"), "403");
    assertEquals(await get(app, "/../.h%E9"), "403");
    assertEquals(await get(app, "/%E9/../../.h%E9"), "403");
    new Deno.Command("sh", {
      args: [
        "-c",
        `cd "$1/sub" && ln -s "../$(printf 'caf\\351.txt')" out && ` +
        `ln -s "$(printf '.\\351/x')" "$(printf 'in\\351')"`,
        "sh",
        root,
      ],
    }).outputSync();
    assertEquals(await get(app, "/out"), "403");
    assertEquals(await get(app, "/in%E9"), "403");
  });
});

Deno.test(
  "where such a name cannot be opened it is not found, and one line says why",
  {
    ignore,
  },
  async () => {
    await withTree(async (root) => {
      const child = new URL("file_names_child.ts", import.meta.url).pathname;
      const targets = ["/caf%E9.txt", "/na%EFve.txt", "/caf%C3%A9.txt"];
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--deny-ffi", child, root, ...targets],
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      assertEquals(text(stdout), "404\n404\n200\n", text(stderr));
      assertEquals(text(stderr).split("is not UTF-8").length, 2, text(stderr));
      // Deno wants all permissions for what is below /dev.
    }, Deno.realPathSync(Deno.makeTempDirSync()));
  },
);
