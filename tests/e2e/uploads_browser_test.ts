/** Uploads from the page, in a real browser: Debian's Chromium, headless. */

import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { findProgram } from "../helpers/programs.ts";
import { startProgram } from "../helpers/run_program.ts";
import { TempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/wait.ts";

/** Not in the import map, so that only tests of the browser need it. */
const PLAYWRIGHT = "npm:playwright-core@1.65.1";
const CHROMIUM = findProgram("chromium");

/** What this test uses of playwright-core. */
interface Page {
  goto(url: string): Promise<unknown>;
  evaluate(code: string): Promise<unknown>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  setInputFiles(selector: string, paths: string[]): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  click(selector: string): Promise<void>;
  locator(selector: string): {
    waitFor(): Promise<void>;
    textContent(): Promise<string>;
    ariaSnapshot(): Promise<string>;
  };
  on(event: "pageerror", callback: (error: { message: string }) => void): void;
  on(
    event: "dialog",
    callback: (dialog: { accept(): Promise<void> }) => void,
  ): void;
}
interface Browser {
  newContext(options: Record<string, unknown>): Promise<{
    newPage(): Promise<Page>;
    close(): Promise<void>;
  }>;
  close(): Promise<void>;
}
interface Playwright {
  chromium: { launch(options: Record<string, unknown>): Promise<Browser> };
}

/** Drops files that hold their names, and one that is cancelled at once. */
const DROP = `(() => {
  const files = new DataTransfer();
  for (const name of ["dropped 1.txt", "größe #2?.txt"]) files.items.add(new File([name], name));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
})()`;
const CANCEL = `(() => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(5e7)], "cancelled.bin"));
  document.querySelector("form.upload input").files = files.files;
  document.querySelector("form.upload").requestSubmit();
  document.querySelector(".transfers button").click();
})()`;

Deno.test(
  `files are uploaded from the page, with a script and without${
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
    using root = new TempFolder();
    using own = new TempFolder();
    const files = ["a.txt", "b <i>.txt"].map((name) => own.write(name, name));
    const names = () =>
      [...Deno.readDirSync(root.path)].map(({ name }) => name);
    await using program = await startProgram([
      "-p",
      "0",
      "PAGI::App::Directory",
      `root=${root.path}`,
      "upload=1",
      "mkdir=1",
      "rename=1",
      "delete=1",
    ]);
    const browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"],
    });
    const faults: string[] = [];

    async function inPage(
      options: Record<string, unknown>,
      body: (page: Page) => Promise<void>,
    ): Promise<void> {
      const context = await browser.newContext(options);
      try {
        const page = await context.newPage();
        page.on("pageerror", ({ message }) => faults.push(message));
        page.on("dialog", (dialog) => void dialog.accept());
        await page.goto(`${program.url}/`);
        await body(page);
      } finally {
        await context.close();
      }
    }

    try {
      await t.step(
        "chosen and dropped files are stored and listed",
        async () => {
          await inPage({}, async (page) => {
            await page.setInputFiles("form.upload input", files);
            await page.click("text=Upload >> nth=0");
            await page.locator("tbody >> text=b <i>.txt").waitFor();
            await page.evaluate(DROP);
            await page.locator("tbody >> text=größe #2?.txt").waitFor();
          });
          assertEquals(names().sort(), [
            "a.txt",
            "b <i>.txt",
            "dropped 1.txt",
            "größe #2?.txt",
          ]);
          const stored = Deno.readTextFileSync(
            join(root.path, "größe #2?.txt"),
          );
          assertEquals(stored, "größe #2?.txt");
        },
      );

      await t.step("a file that is not taken says why", async () => {
        await inPage({}, async (page) => {
          await page.setInputFiles("form.upload input", files.slice(0, 1));
          await page.click("text=Upload >> nth=0");
          const failed = page.locator(".transfers [role=alert]");
          await failed.waitFor();
          assertStringIncludes(
            await failed.textContent(),
            'a.txt: There is something called "a.txt" already',
          );
          assertEquals(
            await page.locator(".outcome").textContent(),
            "0 uploaded, 1 not",
          );
        });
      });

      await t.step("a cancelled upload leaves nothing", async () => {
        await inPage({}, async (page) => {
          await page.evaluate(CANCEL);
          await until(async () =>
            await page.evaluate("document.querySelector('.transfers li')") ===
              null
          );
        });
        await until(() => !names().some((name) => /^\.|cancelled/.test(name)));
      });

      await t.step(
        "on a phone nothing sticks out or is too small",
        async () => {
          await inPage({}, async (page) => {
            for (const width of [320, 1280]) {
              await page.setViewportSize({ width, height: 800 });
              const scroll = "document.documentElement.scrollWidth";
              assertEquals(await page.evaluate(scroll), width);
            }
            const tree = await page.locator("section.changes").ariaSnapshot();
            assertMatch(tree, /- region "Change this folder":/);
            assertMatch(tree, /- textbox "New folder"/);
            assertMatch(tree, /- button "Upload a folder"/);
          });
        },
      );

      await t.step("without a script the forms do the same", async () => {
        await inPage({ javaScriptEnabled: false }, async (page) => {
          await page.fill("text=New folder", "made here");
          await page.click("text=Make");
          await page.locator("tbody >> text=made here/").waitFor();
          await page.fill("text=Entry", "a.txt");
          await page.fill("text=New name", "made here/moved.txt");
          await page.click("text=Rename");
          await page.setInputFiles("form.upload input", files.slice(0, 1));
          await page.click("text=Upload >> nth=0");
          await page.locator("tbody >> text=a.txt").waitFor();
          await page.fill("text=Entry", "b <i>.txt");
          await page.click("text=Delete");
          await until(() => !names().includes("b <i>.txt"));
        });
        const moved = join(root.path, "made here/moved.txt");
        assertEquals(Deno.readTextFileSync(moved), "a.txt");
      });

      assertEquals(faults, []);
    } finally {
      await browser.close();
    }
  },
);
