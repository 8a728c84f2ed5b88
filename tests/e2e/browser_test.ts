/** The listing in a real browser: Debian's Chromium, headless. */

import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { findProgram } from "../helpers/programs.ts";
import { startProgram } from "../helpers/run_program.ts";

/** Not in the import map, so that only this test needs it. */
const PLAYWRIGHT = "npm:playwright-core@1.65.1";
const CHROMIUM = findProgram("chromium");
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What this test uses of playwright-core. */
interface Page {
  goto(url: string): Promise<unknown>;
  url(): string;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  emulateMedia(options: { colorScheme: string }): Promise<void>;
  waitForURL(url: string): Promise<void>;
  title(): Promise<string>;
  // A string is evaluated in the page.
  evaluate(code: string): Promise<unknown>;
  on(event: "console" | "pageerror", callback: (what: Said) => void): void;
  keyboard: {
    press(key: string): Promise<void>;
    type(text: string): Promise<void>;
  };
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  waitForEvent(event: "download"): Promise<{ suggestedFilename(): string }>;
  locator(selector: string): {
    ariaSnapshot(): Promise<string>;
    waitFor(): Promise<void>;
  };
}
interface Said {
  text?(): string;
  message?: string;
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
  chromium: {
    launch(options: Record<string, unknown>): Promise<Browser>;
  };
}

const FILES = {
  "IMG_2.jpg": "2",
  "IMG_10.jpg": "ten",
  "notes.txt": "notes",
  "README.md": "# Hello\n\n<b>you</b>\n",
  "<img src=x onerror=alert(1)>.txt": "",
  [`${"long".repeat(50)}.txt`]: "",
  "music/song.mp3": "la",
};

/** The names of the entries that can be seen, in their order. */
const VISIBLE = `[...document.querySelectorAll("tbody tr:not(.up)")]
  .filter((row) => !row.hidden).map((row) => row.cells[0].textContent.trim())`;
const WIDTH = "document.documentElement.scrollWidth";

Deno.test(
  `the listing works in a browser, with a script and without${
    CHROMIUM === null ? " (skipped without chromium)" : ""
  }`,
  {
    ignore: CHROMIUM === null,
    // The driver's own timers and pipes end with the process.
    sanitizeOps: false,
    sanitizeResources: false,
  },
  async (t) => {
    const { chromium } = await import(PLAYWRIGHT) as Playwright;
    await using program = await startProgram(["-p", "0"], { files: FILES });
    const browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: FLAGS,
    });
    const faults: string[] = [];

    async function inPage(
      options: Record<string, unknown>,
      body: (page: Page) => Promise<void>,
    ): Promise<void> {
      const context = await browser.newContext(options);
      try {
        const page = await context.newPage();
        page.on("console", (said) => faults.push(said.text!()));
        page.on("pageerror", (error) => faults.push(error.message!));
        await page.goto(`${program.url}/`);
        await body(page);
      } finally {
        await context.close();
      }
    }

    try {
      await t.step(
        "nothing sticks out, at any width and in both schemes",
        async () => {
          const backgrounds = new Set<unknown>();
          await inPage({}, async (page) => {
            for (const colorScheme of ["light", "dark"]) {
              await page.emulateMedia({ colorScheme });
              for (const width of [320, 390, 768, 1280]) {
                await page.setViewportSize({ width, height: 800 });
                assertEquals(await page.evaluate(WIDTH), width);
              }
              backgrounds.add(
                await page.evaluate(
                  "getComputedStyle(document.body).backgroundColor",
                ),
              );
            }
          });
          assertEquals(backgrounds.size, 2);
        },
      );

      await t.step(
        "on a phone, every link is large enough for a finger",
        async () => {
          await inPage(
            { viewport: { width: 390, height: 844 } },
            async (page) => {
              const small = await page.evaluate(
                `[...document.querySelectorAll("tbody tr, thead button, .button, input:not([type=hidden])")]
            .filter((it) => it.getBoundingClientRect().height < 44)
            .map((it) => it.outerHTML)`,
              );
              assertEquals(small, []);
            },
          );
        },
      );

      await t.step(
        "to a screen reader it is a table with heads, at any width",
        async () => {
          await inPage({}, async (page) => {
            for (const width of [390, 1280]) {
              await page.setViewportSize({ width, height: 800 });
              const tree = await page.locator("body").ariaSnapshot();
              assertMatch(tree, /- heading "Index of \/" \[level=1\]/);
              assertMatch(tree, /- main:/);
              assertMatch(tree, /- table "Index of \/":/);
              assertMatch(tree, /- columnheader "Name":/);
              assertMatch(tree, /- rowheader "notes.txt":/);
              assertMatch(tree, /- cell "5 B"/);
              assertMatch(
                tree,
                /- searchbox "Filter by name, or search below"/,
              );
              assertMatch(tree, /- region "README.md":/);
            }
          });
        },
      );

      await t.step(
        "/ leads to the box, words filter, Enter opens, Escape clears",
        async () => {
          await inPage({}, async (page) => {
            const all = await page.evaluate(VISIBLE) as string[];
            assertEquals(all.length, 7);
            await page.keyboard.press("/");
            await page.keyboard.type("img JPG");
            assertEquals(await page.evaluate(VISIBLE), [
              "IMG_2.jpg",
              "IMG_10.jpg",
            ]);
            assertStringIncludes(
              await page.evaluate(
                `document.querySelector("[role=status]").textContent`,
              ) as string,
              "2 of 7 shown",
            );
            await page.keyboard.press("Escape");
            assertEquals(await page.evaluate(VISIBLE), all);
            await page.keyboard.type("mus");
            await page.keyboard.press("Enter");
            await page.waitForURL(`${program.url}/music/`);
            assertEquals(await page.title(), "Index of /music/");
          });
        },
      );

      await t.step(
        "a click on a head sorts, and again turns round",
        async () => {
          await inPage({}, async (page) => {
            await page.click("th.size button");
            await page.waitForURL(`${program.url}/?sort=size&order=desc`);
            const order = await page.evaluate(VISIBLE) as string[];
            assertEquals(order.slice(0, 3), [
              "music/",
              "README.md",
              "notes.txt",
            ]);
            await page.click("th.size button");
            await page.waitForURL(`${program.url}/?sort=size&order=asc`);
            const turned = await page.evaluate(VISIBLE) as string[];
            assertEquals(turned.slice(-2), ["notes.txt", "README.md"]);
            assertEquals(
              await page.evaluate(`document.querySelector("th.size").ariaSort`),
              "ascending",
            );
          });
        },
      );

      await t.step("times are those of the reader's zone", async () => {
        const shown: unknown[] = [];
        for (const timezoneId of ["Asia/Tokyo", "America/New_York"]) {
          await inPage({ timezoneId }, async (page) => {
            shown.push(
              await page.evaluate(`document.querySelector("time").textContent`),
            );
          });
        }
        const [tokyo, newYork] = shown.map((text) => Date.parse(`${text}Z`));
        const hours = (tokyo - newYork) / 3_600_000;
        assert(hours === 13 || hours === 14, `${shown}`);
      });

      await t.step("a folder is downloaded as a ZIP", async () => {
        await inPage({ acceptDownloads: true }, async (page) => {
          await page.goto(`${program.url}/music/`);
          const download = page.waitForEvent("download");
          await page.click("button[name=zip]");
          assertEquals((await download).suggestedFilename(), "music.zip");
        });
      });

      await t.step("selected entries are downloaded as a tar", async () => {
        await inPage({ acceptDownloads: true }, async (page) => {
          await page.click("summary");
          await page.click("text=Select entries");
          await page.waitForURL(`${program.url}/?view=select`);
          await page.setViewportSize({ width: 320, height: 800 });
          assertEquals(await page.evaluate(WIDTH), 320);
          await page.click('[aria-label="Select notes.txt"]');
          const download = page.waitForEvent("download");
          await page.click("button[value=tar]");
          assertEquals((await download).suggestedFilename(), "notes.txt.tar");
        });
      });

      await t.step(
        "Enter searches below where no row is left, and finds",
        async () => {
          await inPage({}, async (page) => {
            await page.keyboard.press("/");
            await page.keyboard.type("SONG");
            await page.keyboard.press("Enter");
            await page.waitForURL(`${program.url}/?q=SONG`);
            assertEquals(await page.evaluate(VISIBLE), ["music/song.mp3"]);
          });
        },
      );

      await t.step("a gallery shows pictures and goes on below", async () => {
        await inPage({}, async (page) => {
          await page.click("text=Gallery");
          await page.waitForURL(`${program.url}/?view=gallery`);
          const tree = await page.locator("body").ariaSnapshot();
          assertMatch(tree, /- link "IMG_2.jpg"/);
          await page.click("text=music/");
          await page.waitForURL(`${program.url}/music/?view=gallery`);
          await page.locator("audio").waitFor();
        });
      });

      await t.step(
        "without a script the box searches, and the rest is there",
        async () => {
          await inPage({ javaScriptEnabled: false }, async (page) => {
            const tree = await page.locator("body").ariaSnapshot();
            assertStringIncludes(tree, "Modified (UTC)");
            await page.fill("input[type=search]", "song");
            await page.click("text=Search");
            await page.waitForURL(`${program.url}/?q=song`);
            await page.click("text=music/song.mp3");
            assertEquals(page.url(), `${program.url}/music/song.mp3`);
          });
        },
      );

      assertLessOrEqual(faults.length, 0, faults.join("\n"));
    } finally {
      await browser.close();
    }
  },
);
