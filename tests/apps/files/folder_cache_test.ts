import { RequestReader } from "../../../src/apps/disconnect.ts";
import {
  DirectoryCache,
  DirectoryRefused,
  type Found,
  Snapshot,
  statOf,
} from "../../../src/apps/files/directory_cache.ts";
import { sortInSlices, TimeSlice } from "../../../src/apps/files/time_slice.ts";
import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertRejects,
} from "../../../src/std/assert.ts";
import { join } from "../../../src/std/path.ts";
import { tempFolder } from "../../helpers/temp_folder.ts";
import { delay } from "../../helpers/wait.ts";

const STAYS = RequestReader.watch(() => new Promise(() => {}));

function leavingClient(): { client: RequestReader; leave: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    client: RequestReader.watch(async () => {
      await promise;
      return { type: "http.disconnect", reason: "client_closed" };
    }),
    leave: resolve,
  };
}

/** What is found where nothing ever changes. */
function nothing(weight = 1): Found {
  return { snapshot: new Snapshot("/"), weight };
}

/** A folder that changed so long ago that a change would show. */
function oldFolder(): string {
  const folder = tempFolder();
  Deno.writeTextFileSync(join(folder, "a"), "a");
  return folder;
}

async function settled(folder: string): Promise<Snapshot> {
  while (true) {
    const snapshot = new Snapshot(`${folder}/`);
    snapshot.add("", statOf(folder));
    snapshot.add("a", statOf(join(folder, "a")));
    if (snapshot.settled) return snapshot;
    await delay(5);
  }
}

Deno.test("requests share a look, but none that began before they asked", async () => {
  const cache = new DirectoryCache<Found>(1, 100, 100);
  let looks = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsettled = () => {
    const snapshot = new Snapshot("/");
    snapshot.add("", { ...statOf("/"), ctime: Date.now() });
    return { snapshot, weight: 1 };
  };
  const look = async () => {
    looks++;
    if (looks === 1) await promise;
    return unsettled();
  };
  const early = [1, 2, 3].map(() => cache.use("x/", STAYS, look));
  while (looks === 0) await delay(0);
  const late = [1, 2, 3].map(() => cache.use("x/", STAYS, look));
  resolve();
  const found = (await Promise.all([...early, ...late])).map((use) =>
    use!.found
  );
  assertEquals(looks, 2);
  assertEquals(new Set(found.slice(0, 3)).size, 1);
  assertEquals(new Set(found.slice(3)).size, 1);
  assert(found[0] !== found[3]);
});

Deno.test("what was found is kept until a file or the folder changes", async () => {
  const folder = oldFolder();
  try {
    const cache = new DirectoryCache<Found>(1, 100, 100);
    let looks = 0;
    const look = async () => {
      looks++;
      return { snapshot: await settled(folder), weight: 1 };
    };
    const ask = async () => {
      using _ = await cache.use("", STAYS, look);
      return looks;
    };
    assertEquals([await ask(), await ask(), await ask()], [1, 1, 1]);
    Deno.writeTextFileSync(join(folder, "a"), "longer");
    assertEquals([await ask(), await ask()], [2, 2]);
    Deno.writeTextFileSync(join(folder, "b"), "");
    assertEquals([await ask(), await ask()], [3, 3]);
    Deno.removeSync(join(folder, "a"));
    looks = 0;
    await assertRejects(ask);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a folder that has only just changed is looked at again", () => {
  const folder = tempFolder();
  try {
    const snapshot = new Snapshot(folder);
    snapshot.add("", { ...statOf(folder), ctime: Date.now() });
    assertEquals(snapshot.settled, false);
  } finally {
    Deno.removeSync(folder);
  }
});

Deno.test("a look ends at its next turn when nobody waits for it any more", async () => {
  const cache = new DirectoryCache<Found>(1, 100, 100);
  const clients = [leavingClient(), leavingClient()];
  let turnsTaken = 0;
  let ended = false;
  const look = async (turns: TimeSlice) => {
    try {
      while (true) {
        await turns.yield();
        turnsTaken++;
        if (turnsTaken === 3) clients[0].leave();
        if (turnsTaken === 6) clients[1].leave();
        assertLessOrEqual(turnsTaken, 20);
      }
    } finally {
      ended = true;
    }
  };
  const uses = clients.map(({ client }) => cache.use("x/", client, look));
  assertEquals(await Promise.all(uses), [null, null]);
  while (!ended) await delay(0);
  assert(turnsTaken >= 6);
  // The place is free again.
  using use = await cache.use("y/", STAYS, () => Promise.resolve(nothing()));
  assert(use !== null);
});

Deno.test("too many looks at a time are refused with a sentence", async () => {
  const cache = new DirectoryCache<Found>(2, 100, 100);
  const { promise, resolve } = Promise.withResolvers<Found>();
  const running = ["a/", "b/", "a/"].map((path) =>
    cache.use(path, STAYS, () => promise)
  );
  const error = await assertRejects(
    () => cache.use("c/", STAYS, () => promise),
    DirectoryRefused,
    "as many folders as it can",
  );
  assertEquals(error.status, 503);
  resolve(nothing());
  await Promise.all(running);
  assert(await cache.use("c/", STAYS, () => promise) !== null);
});

Deno.test("what is in use is not forgotten, and more is refused", async () => {
  const cache = new DirectoryCache<Found>(9, 100, 100);
  const look = () => Promise.resolve(nothing(60));
  const first = (await cache.use("a/", STAYS, look))!;
  const second = (await cache.use("b/", STAYS, look))!;
  await assertRejects(() => cache.use("c/", STAYS, look), DirectoryRefused);
  first[Symbol.dispose]();
  using third = await cache.use("c/", STAYS, look);
  assert(third !== null);
  assertEquals(second.found.weight, 60);
});

Deno.test("loops that take turns get one slice at a time", async () => {
  const order: string[] = [];
  const loop = async (name: string) => {
    const turns = new TimeSlice();
    for (let i = 0; i < 3; i++) {
      await turns.yield();
      order.push(name);
      // Nobody else runs before this slice ends.
      await Promise.resolve();
      order.push(name);
    }
  };
  await Promise.all([loop("a"), loop("b")]);
  assertEquals(order.join(""), "aabbaabbaabb");
});

Deno.test("sorting in turns is stable and gives what sorting at once does", async () => {
  const items = Array.from({ length: 5000 }, (_, i) => ({
    key: (i * 7919) % 97,
    i,
  }));
  const compare = (a: typeof items[0], b: typeof items[0]) => a.key - b.key;
  for (const length of [0, 1, 511, 512, 513, 1025, 5000]) {
    const some = items.slice(0, length);
    assertEquals(
      await sortInSlices(some, compare, new TimeSlice()),
      some.toSorted(compare),
    );
  }
});
