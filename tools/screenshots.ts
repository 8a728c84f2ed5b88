/**
 * Takes the pictures of listings for the documents, in Debian's Chromium:
 * `deno run -A tools/screenshots.ts`. To be run after the pages have changed.
 *
 * @module
 */

import { join } from "../src/std/path.ts";
import { DirectoryApp } from "../src/apps/directory.ts";
import { UrlMapApp } from "../src/apps/url_map.ts";
import { serve } from "../src/server/mod.ts";

/** As in tests/e2e/browser_test.ts. */
const PLAYWRIGHT = "npm:playwright-core@1.65.1";
const IMAGES = new URL("../docs/images/", import.meta.url).pathname;

interface Page {
  goto(url: string): Promise<unknown>;
  evaluate<T>(code: string): Promise<T>;
  waitForLoadState(state: "networkidle"): Promise<void>;
  screenshot(options: { path: string; fullPage: boolean }): Promise<unknown>;
}
interface Context {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}
interface Browser {
  newContext(options: Record<string, unknown>): Promise<Context>;
  close(): Promise<void>;
}
interface Playwright {
  chromium: { launch(options: Record<string, unknown>): Promise<Browser> };
}

const README = `# Holiday in the mountains

Photos, sounds and notes of two weeks in November.

- \`IMG_*.jpg\`: the photos, unsorted
- [photos/](photos/): the good ones

Take what you like: "Download as ZIP" gives you everything.
`;
/** Sizes in bytes, and times. */
const FILES: readonly [name: string, size: number, time: string][] = [
  ["annual report.pdf", 88_000, "2026-11-09T19:22Z"],
  ["backup-2026-11.tar.gz", 734_000, "2026-10-12T17:40Z"],
  ["concert, second half.mp3", 5_033_000, "2026-10-12T17:40Z"],
  ["map.html", 2, "2026-09-01T12:00Z"],
  ["notes.txt", 6, "2025-01-30T22:01Z"],
  ["route.json", 41_300, "2026-09-01T12:00Z"],
  ["walk in the snow.mp4", 9_437_000, "2026-10-12T17:40Z"],
];
const FOLDERS = ["letters & notes", "maps", "music", "photos"];

/** A picture of mountains in a browser's canvas, as JPEG in base64. */
const PAINT = (seed: number) =>
  `(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 900, height: 600 });
    const to = canvas.getContext("2d");
    const sky = to.createLinearGradient(0, 0, 0, 600);
    sky.addColorStop(0, "hsl(${200 + seed * 25}, 60%, 45%)");
    sky.addColorStop(1, "hsl(${20 + seed * 15}, 80%, 85%)");
    to.fillStyle = sky;
    to.fillRect(0, 0, 900, 600);
    for (let range = 0; range < 4; range++) {
      to.fillStyle = "hsl(${210 + seed * 9}, 25%, " + (60 - range * 15) + "%)";
      to.beginPath();
      to.moveTo(0, 600);
      for (let x = 0; x <= 900; x += 30) {
        to.lineTo(x, 230 + range * 90 + 70 * Math.sin(x / (90 + range * 17) + ${seed} * 2.3 + range) + 25 * Math.sin(x / 31 + ${seed} + range * 5));
      }
      to.lineTo(900, 600);
      to.fill();
    }
    return canvas.toDataURL("image/jpeg", 0.9).split(",")[1];
  })()`;

async function makeFolder(root: string, page: Page): Promise<void> {
  const folder = join(root, "Holiday");
  Deno.mkdirSync(folder);
  const put = (name: string, content: Uint8Array, time: string) => {
    const path = join(folder, name);
    Deno.writeFileSync(path, content);
    Deno.utimeSync(path, new Date(time), new Date(time));
  };
  for (const [name, size, time] of FILES) {
    put(name, new Uint8Array(size), time);
  }
  put("README.md", new TextEncoder().encode(README), "2026-11-09T19:22Z");
  for (const [i, number] of [1, 2, 3, 4, 5, 10].entries()) {
    const bytes = Uint8Array.fromBase64(await page.evaluate(PAINT(i)));
    put(`IMG_${number}.jpg`, bytes, `2026-11-0${2 + i}T08:1${i}Z`);
  }
  for (const name of FOLDERS) {
    Deno.mkdirSync(join(folder, name));
    const time = new Date("2026-11-03T08:15Z");
    Deno.utimeSync(join(folder, name), time, time);
  }
}

const { chromium } = await import(PLAYWRIGHT) as Playwright;
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu"],
});
const root = Deno.makeTempDirSync();
const title = "files.example.org";
const app = new UrlMapApp()
  .mount("/read", new DirectoryApp({ root, title }).toApp())
  .mount(
    "/write",
    new DirectoryApp({
      root,
      title,
      upload: true,
      mkdir: true,
      rename: true,
      delete: true,
    }).toApp(),
  ).toApp();
const server = await serve(app, { port: 0, noAccessLog: true });
try {
  const canvas = await browser.newContext({});
  await makeFolder(root, await canvas.newPage());
  await canvas.close();
  for (const colorScheme of ["light", "dark"]) {
    const pages: [name: string, path: string, width: number, full: boolean][] =
      [
        ["listing-desktop", "read/Holiday/", 1280, true],
        ["listing-phone", "read/Holiday/", 390, true],
        ["gallery", "read/Holiday/?view=gallery", 1280, false],
        ["uploads", "write/Holiday/", 1280, false],
      ];
    for (const [name, path, width, fullPage] of pages) {
      const context = await browser.newContext({
        colorScheme,
        viewport: { width, height: 800 },
        timezoneId: "Europe/Paris",
      });
      const page = await context.newPage();
      await page.goto(server.url + path);
      await page.waitForLoadState("networkidle");
      const file = join(IMAGES, `${name}-${colorScheme}.png`);
      await page.screenshot({ path: file, fullPage });
      await context.close();
    }
  }
} finally {
  await browser.close();
  await server.stop();
  Deno.removeSync(root, { recursive: true });
}
