/**
 * Pages in a real browser (Debian's Chromium, headless).
 *
 * @module
 */

import { assertEquals } from "../../src/std/assert.ts";
import { findProgram } from "./programs.ts";

/** Not in the import map, so that only tests in a browser need it. */
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

/** What tests use of a page of playwright-core. */
export interface Page {
  goto(url: string): Promise<unknown>;
  close(): Promise<void>;
  url(): string;
  title(): Promise<string>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  emulateMedia(options: { colorScheme: string }): Promise<void>;
  waitForURL(url: string): Promise<void>;
  waitForEvent(event: "download"): Promise<{ suggestedFilename(): string }>;
  /** Evaluates an expression in the page. */
  evaluate(code: string): Promise<unknown>;
  keyboard: {
    press(key: string): Promise<void>;
    type(text: string): Promise<void>;
  };
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  setInputFiles(selector: string, paths: string[]): Promise<void>;
  locator(selector: string): {
    ariaSnapshot(): Promise<string>;
    textContent(): Promise<string>;
    waitFor(): Promise<void>;
  };
  on(event: "pageerror", callback: (error: { message: string }) => void): void;
  on(event: "console", callback: (line: { text(): string }) => void): void;
  on(
    event: "dialog",
    callback: (dialog: { accept(): Promise<void> }) => void,
  ): void;
}

interface Browser {
  newContext(options: Record<string, unknown>): Promise<{
    newPage(): Promise<Page>;
  }>;
  close(): Promise<void>;
}

/** The browser of all tests of a file, from the first of them on. */
let browser: Promise<Browser> | undefined;

async function launch(): Promise<Browser> {
  const { chromium } = await import(PLAYWRIGHT) as {
    chromium: { launch(options: object): Promise<Browser> };
  };
  return await chromium.launch({ executablePath: CHROMIUM!, args: FLAGS });
}

Deno.test.afterAll(async () => await (await browser)?.close());

/**
 * Opens `url` and has `body` use the page: that of all steps of a test, or with
 * options (`{ javaScriptEnabled: false }`) one of its own.
 */
export type InPage = (
  url: string,
  body: (page: Page) => Promise<void>,
  options?: Record<string, unknown>,
) => Promise<void>;

/**
 * Registers a test with a browser, which all of a file share. It fails too when a page's script throws
 * or a line is on the console that does not match `expected`. Where there is no
 * browser it is ignored, and its title says so.
 */
export function testInBrowser(
  title: string,
  fn: (t: Deno.TestContext, inPage: InPage) => Promise<void>,
  expected = /^$/,
): void {
  Deno.test({
    name: `${title}${CHROMIUM === null ? " (skipped without chromium)" : ""}`,
    ignore: CHROMIUM === null,
    // The driver's own timers and pipes end with the process.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn(t) {
      browser ??= launch();
      const driver = await browser;
      const faults: string[] = [];
      const open = async (options: Record<string, unknown>): Promise<Page> => {
        const page = await (await driver.newContext(options)).newPage();
        page.on("console", (line) => faults.push(line.text()));
        page.on("pageerror", ({ message }) => faults.push(message));
        page.on("dialog", (dialog) => void dialog.accept());
        return page;
      };
      const plain = await open({});
      await fn(t, async (url, body, options) => {
        const page = options === undefined ? plain : await open(options);
        await page.setViewportSize({ width: 1280, height: 800 });
        await page.goto(url);
        await body(page);
        if (page !== plain) await page.close();
      });
      await plain.close();
      assertEquals(faults.filter((line) => !expected.test(line)), []);
    },
  });
}
