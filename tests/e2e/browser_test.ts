/** The listing, and uploads from it, in a real browser. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { testInBrowser } from "../helpers/browser.ts";
import { startProgram } from "../helpers/run_program.ts";
import { TempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/wait.ts";

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

testInBrowser(
  "the listing works in a browser, with a script and without",
  async (t, inPage) => {
    await using program = await startProgram(["-p", "0"], { files: FILES });
    const listing = `${program.url}/`;

    await t.step(
      "nothing sticks out, at any width and in both schemes",
      async () => {
        const backgrounds = new Set<unknown>();
        await inPage(listing, async (page) => {
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
        await inPage(listing, async (page) => {
          await page.setViewportSize({ width: 390, height: 844 });
          const small = await page.evaluate(
            `[...document.querySelectorAll("tbody tr, thead button, .button, input:not([type=hidden])")]
            .filter((it) => it.getBoundingClientRect().height < 44)
            .map((it) => it.outerHTML)`,
          );
          assertEquals(small, []);
        });
      },
    );

    await t.step(
      "to a screen reader it is a table with heads, at any width",
      async () => {
        await inPage(listing, async (page) => {
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
        await inPage(listing, async (page) => {
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
        await inPage(listing, async (page) => {
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
        await inPage(listing, async (page) => {
          shown.push(
            await page.evaluate(`document.querySelector("time").textContent`),
          );
        }, { timezoneId });
      }
      const [tokyo, newYork] = shown.map((text) => Date.parse(`${text}Z`));
      const hours = (tokyo - newYork) / 3_600_000;
      assert(hours === 13 || hours === 14, `${shown}`);
    });

    await t.step("a folder is downloaded as a ZIP", async () => {
      await inPage(listing, async (page) => {
        await page.goto(`${program.url}/music/`);
        const download = page.waitForEvent("download");
        await page.click("button[name=zip]");
        assertEquals((await download).suggestedFilename(), "music.zip");
      });
    });

    await t.step("selected entries are downloaded as a tar", async () => {
      await inPage(listing, async (page) => {
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
        await inPage(listing, async (page) => {
          await page.keyboard.press("/");
          await page.keyboard.type("SONG");
          await page.keyboard.press("Enter");
          await page.waitForURL(`${program.url}/?q=SONG`);
          assertEquals(await page.evaluate(VISIBLE), ["music/song.mp3"]);
        });
      },
    );

    await t.step("a gallery shows pictures and goes on below", async () => {
      await inPage(listing, async (page) => {
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
        await inPage(listing, async (page) => {
          const tree = await page.locator("body").ariaSnapshot();
          assertStringIncludes(tree, "Modified (UTC)");
          await page.fill("input[type=search]", "song");
          await page.click("text=Search");
          await page.waitForURL(`${program.url}/?q=song`);
          await page.click("text=music/song.mp3");
          assertEquals(page.url(), `${program.url}/music/song.mp3`);
        }, { javaScriptEnabled: false });
      },
    );
  },
);

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

testInBrowser(
  "files are uploaded from the page, with a script and without",
  async (t, inPage) => {
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
    const listing = `${program.url}/`;

    await t.step(
      "chosen and dropped files are stored and listed",
      async () => {
        await inPage(listing, async (page) => {
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
      await inPage(listing, async (page) => {
        await page.setInputFiles("form.upload input", files.slice(0, 1));
        await page.click("text=Upload >> nth=0");
        const failed = page.locator(".transfers [role=alert]");
        await failed.waitFor();
        assertStringIncludes(
          await failed.textContent(),
          'a.txt: "a.txt" already exists',
        );
        assertEquals(
          await page.locator(".outcome").textContent(),
          "0 uploaded, 1 not",
        );
      });
    });

    await t.step("a cancelled upload leaves nothing", async () => {
      await inPage(listing, async (page) => {
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
        await inPage(listing, async (page) => {
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
      await inPage(listing, async (page) => {
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
      }, { javaScriptEnabled: false });
      const moved = join(root.path, "made here/moved.txt");
      assertEquals(Deno.readTextFileSync(moved), "a.txt");
    });
  },
  // A file that is not taken is an answer of 409.
  /^Failed to load resource: .* 409/,
);
