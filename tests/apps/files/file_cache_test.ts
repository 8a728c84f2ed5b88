import { DocumentRoot } from "../../../src/apps/files/document_root.ts";
import {
  FileCache,
  lendBytes,
  MAX_REPEATED_FILE_BYTES,
} from "../../../src/apps/files/file_cache.ts";
import { MAX_CACHED_FILE_BYTES } from "../../../src/apps/files/small_file.ts";
import { assert, assertEquals } from "../../../src/std/assert.ts";
import { join } from "../../../src/std/path.ts";
import { FakeClock } from "../../helpers/fake_clock.ts";
import { tempFolder } from "../../helpers/temp_folder.ts";

/**
 * Runs `body` with a cache over files of the given sizes, which are settled: it
 * is two seconds later than the system says.
 */
async function withCache(
  sizes: Record<string, number>,
  capacity: number | undefined,
  body: (cache: FileCache, root: string, clock: FakeClock) => unknown,
): Promise<void> {
  const root = tempFolder();
  try {
    for (const [name, size] of Object.entries(sizes)) {
      Deno.writeFileSync(join(root, name), new Uint8Array(size).fill(65));
    }
    using clock = new FakeClock();
    await clock.advance(2050);
    await body(
      new FileCache(new DocumentRoot("Test", root), capacity),
      root,
      clock,
    );
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("files are kept while they do not change", async (test) => {
  const cases: Record<string, () => Promise<void>> = {
    "a small file that has not changed is read once": async () => {
      await withCache(
        { a: 10, none: 0 },
        undefined,
        async (cache, root, clock) => {
          for (const name of ["a", "none"]) {
            const first = cache.open(name);
            assert(typeof first === "object" && first.kind === "small");
            assert(cache.open(name) === first);
            await clock.advance(-2050);
            Deno.writeFileSync(join(root, name), new Uint8Array(11));
            const second = cache.open(name);
            assert(typeof second === "object" && second.kind === "small");
            assertEquals(second.bytes, new Uint8Array(11));
            // It changed just now, and may change again in the same instant.
            assert(cache.open(name) !== second);
            await clock.advance(2050);
          }
        },
      );
    },
    "a large file is opened each time, and a folder": async () => {
      await withCache(
        { just: MAX_CACHED_FILE_BYTES, large: MAX_CACHED_FILE_BYTES + 1 },
        undefined,
        (cache) => {
          const kindOf = (path: string) => {
            const opened = cache.open(path);
            if (typeof opened === "number") return opened;
            using thing = opened;
            return thing.kind;
          };
          assertEquals(kindOf("just"), "small");
          assertEquals(kindOf("large"), "file");
          assertEquals(kindOf(""), "directory");
          assertEquals(kindOf("missing"), 404);
        },
      );
    },
    "a larger file is kept when it is asked for again soon": async () => {
      await withCache(
        {
          larger: MAX_CACHED_FILE_BYTES + 1,
          most: MAX_REPEATED_FILE_BYTES,
          large: MAX_REPEATED_FILE_BYTES + 1,
        },
        undefined,
        async (cache, _root, clock) => {
          const kindOf = (path: string) => {
            const opened = cache.open(path);
            assert(typeof opened === "object");
            using thing = opened;
            return thing.kind;
          };
          const kinds = () => ["larger", "most", "large"].map(kindOf);
          assertEquals(kinds(), ["file", "file", "file"]);
          assertEquals(kinds(), ["small", "small", "file"]);
          assert(cache.open("most") === cache.open("most"));
          await clock.advance(60_000);
          assertEquals(kinds(), ["file", "file", "file"]);
        },
      );
    },
    "while clients hold much, no other larger file is kept, but what is there":
      async () => {
        const size = MAX_CACHED_FILE_BYTES + 1;
        await withCache({ a: size, b: size }, undefined, async (
          cache,
          _root,
          clock,
        ) => {
          const kindOf = (path: string) => {
            const opened = cache.open(path);
            assert(typeof opened === "object");
            using thing = opened;
            return thing.kind;
          };
          assertEquals([kindOf("a"), kindOf("a")], ["file", "small"]);
          {
            using _lent = lendBytes(100 * 1024 * 1024);
            for (let i = 0; i < 3; i++) {
              assertEquals([kindOf("a"), kindOf("b")], ["small", "file"]);
              await clock.advance(1000);
            }
          }
          assertEquals(kindOf("b"), "small");
        });
      },
    "where larger files do not all fit, those that are kept stay, and few take their place":
      async () => {
        const size = MAX_CACHED_FILE_BYTES + 1;
        const names = ["a", "b", "c", "d"];
        const sizes = Object.fromEntries(names.map((name) => [name, size]));
        // Three of them.
        await withCache(sizes, 7 * size, (cache) => {
          const open = (path: string) => {
            const opened = cache.open(path);
            assert(typeof opened === "object");
            using thing = opened;
            return thing;
          };
          for (const name of names) assertEquals(open(name).kind, "file");
          const first = names.map(open);
          for (let round = 0; round < 10; round++) {
            const kept = names.map(open);
            assertEquals(kept.map(({ kind }) => kind === "small"), [
              true,
              true,
              true,
              false,
            ]);
            assert(kept.slice(0, 3).every((file, i) => file === first[i]));
          }
          // One that is asked for again and again comes in.
          for (let round = 0; round < 16; round++) open("d");
          assertEquals(open("d").kind, "small");
        });
      },
    "many files never take more memory than they may, and those read last stay":
      async () => {
        const sizes: Record<string, number> = {};
        for (let i = 0; i < 50; i++) sizes[`f${i}`] = 1000 * (i % 5);
        const capacity = 50_000;
        await withCache(sizes, capacity, (cache) => {
          for (let round = 0; round < 3; round++) {
            for (const name of Object.keys(sizes)) {
              const file = cache.open(name);
              assert(typeof file === "object" && file.kind === "small");
              assert(cache.bytes <= capacity, `${cache.bytes} bytes`);
              assert(cache.open(name) === file, `${name} was not kept`);
            }
            assert(cache.bytes > capacity / 2);
          }
        });
      },
    "no file is kept that alone takes too much": async () => {
      await withCache({ a: 10_000, b: 10 }, 5000, (cache) => {
        const large = cache.open("a");
        assert(cache.open("a") !== large);
        assertEquals(cache.bytes, 0);
        const small = cache.open("b");
        assert(cache.open("b") === small);
      });
    },
    "nothing is left of files that are gone": async () => {
      await withCache({ a: 10, b: 10 }, undefined, (cache, root) => {
        cache.open("a");
        cache.open("b");
        assert(cache.bytes > 0);
        for (const name of ["a", "b"]) {
          Deno.removeSync(join(root, name));
          assertEquals(cache.open(name), 404);
        }
        assertEquals(cache.bytes, 0);
      });
    },
  };
  for (const [name, fn] of Object.entries(cases)) await test.step(name, fn);
});
