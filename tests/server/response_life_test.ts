/** The life of a response, and the handle `pagi.connection` (PAGI.md 4). */

import { configureLog } from "../../src/log/log.ts";
import type { DisconnectReason } from "../../src/pagi/types.ts";
import {
  type LifeOwner,
  ResponseLife,
} from "../../src/server/response/life.ts";
import { assertEquals, assertStringIncludes } from "../../src/std/assert.ts";

const NOBODY: LifeOwner = {
  watchClient() {},
  responseOver() {},
  released() {},
  finished() {},
};

/** What is logged while `act` runs. */
function logged(act: () => void): string {
  let log = "";
  configureLog({ level: "info", write: (text) => log += text });
  try {
    act();
  } finally {
    configureLog({ level: "info" });
  }
  return log;
}

/** A state that notes which callbacks fire. */
function noting(): { state: ResponseLife; fired: string[] } {
  const state = new ResponseLife(NOBODY);
  const fired: string[] = [];
  state.onDisconnect((reason) => fired.push(`1 ${reason}`));
  state.onComplete(() => fired.push("1 complete"));
  state.onDisconnect((reason) => fired.push(`2 ${reason}`));
  state.onComplete(() => fired.push("2 complete"));
  return { state, fired };
}

/** Whether a promise is settled by now, and with what. */
async function settled<T>(promise: Promise<T>): Promise<T | "pending"> {
  return await Promise.race([promise, Promise.resolve("pending" as const)]);
}

Deno.test("an open connection has no reason and fires nothing", async () => {
  const { state, fired } = noting();
  assertEquals(state.isConnected(), true);
  assertEquals(state.disconnectReason(), null);
  assertEquals(state.responseStarted(), false);
  assertEquals(state.responseComplete(), false);
  assertEquals(await settled(state.disconnected), "pending");
  assertEquals(fired, []);
});

Deno.test("exactly one of onDisconnect and onComplete fires, once, in order (PAGI.md 77)", () => {
  const failed = noting();
  assertEquals(failed.state.fail("read_error"), true);
  assertEquals(failed.state.fail("client_closed"), false);
  failed.state.succeed();
  assertEquals(failed.fired, ["1 read_error", "2 read_error"]);
  assertEquals(failed.state.disconnectReason(), "read_error");

  const succeeded = noting();
  succeeded.state.succeed();
  succeeded.state.succeed();
  assertEquals(succeeded.state.fail("client_closed"), false);
  assertEquals(succeeded.fired, ["1 complete", "2 complete"]);
  assertEquals(succeeded.state.disconnectReason(), null);
});

Deno.test("late registration fires at once, in the matching state only (PAGI.md 78)", () => {
  const failed = new ResponseLife(NOBODY);
  failed.fail("client_closed");
  const succeeded = new ResponseLife(NOBODY);
  succeeded.succeed();
  const fired: string[] = [];
  failed.onDisconnect((reason) => fired.push(`failed: ${reason}`));
  failed.onComplete(() => fired.push("failed: complete"));
  succeeded.onDisconnect((reason) => fired.push(`succeeded: ${reason}`));
  succeeded.onComplete(() => fired.push("succeeded: complete"));
  assertEquals(fired, ["failed: client_closed", "succeeded: complete"]);
});

Deno.test("a throwing callback is logged and does not stop later ones (PAGI.md 79)", () => {
  for (const end of ["fail", "succeed"] as const) {
    const state = new ResponseLife(NOBODY);
    const fired: number[] = [];
    for (const i of [1, 2, 3]) {
      const callback = () => {
        fired.push(i);
        if (i < 3) throw new Error(`mistake ${i}`);
      };
      state.onDisconnect(callback);
      state.onComplete(callback);
    }
    const log = logged(() =>
      end === "fail" ? state.fail("client_closed") : state.succeed()
    );
    assertEquals(fired, [1, 2, 3]);
    assertStringIncludes(log, "mistake 1");
    assertStringIncludes(log, "mistake 2");
    // Late ones are no exception.
    const late = logged(() => {
      const fail = () => {
        throw new Error("mistake 4");
      };
      state.onDisconnect(fail);
      state.onComplete(fail);
    });
    assertStringIncludes(late, "mistake 4");
  }
});

Deno.test("disconnected stays pending after success (PAGI.md 80)", async () => {
  const before = new ResponseLife(NOBODY);
  const promise = before.disconnected;
  before.succeed();
  assertEquals(await settled(promise), "pending");
  assertEquals(await settled(before.disconnected), "pending");
});

Deno.test("disconnected resolves with the reason, asked for before or after", async () => {
  const state = new ResponseLife(NOBODY);
  const before = state.disconnected;
  state.fail("write_error");
  assertEquals(await before, "write_error");
  assertEquals(await state.disconnected, "write_error");
  const late = new ResponseLife(NOBODY);
  late.fail("x-mine");
  assertEquals(await late.disconnected, "x-mine");
});

Deno.test("on disconnect, state changes before callbacks run (PAGI.md 82)", () => {
  const state = new ResponseLife(NOBODY);
  const seen: unknown[] = [];
  state.onDisconnect(() => {
    seen.push(state.isConnected(), state.disconnectReason());
    // Registered now, it is late already.
    state.onDisconnect((reason) => seen.push(reason));
  });
  state.onDisconnect(() => seen.push("second"));
  state.fail("client_timeout");
  assertEquals(seen, [false, "client_timeout", "client_timeout", "second"]);
});

Deno.test("after success the connection counts as ended for its request", () => {
  const state = new ResponseLife(NOBODY);
  const seen: boolean[] = [];
  state.onComplete(() => seen.push(state.isConnected()));
  state.succeed();
  assertEquals([...seen, state.isConnected()], [false, false]);
});

Deno.test("the server watches as soon as the app asks, once, and not after the end", () => {
  const questions: ((state: ResponseLife) => unknown)[] = [
    (state) => state.isConnected(),
    (state) => state.disconnectReason(),
    (state) => state.onDisconnect(() => {}),
    (state) => state.onComplete(() => {}),
    (state) => state.disconnected,
  ];
  for (const ask of questions) {
    let watching = 0;
    const state = new ResponseLife({
      ...NOBODY,
      watchClient: () => watching++,
    });
    state.responseStarted();
    state.responseComplete();
    assertEquals(watching, 0);
    ask(state);
    ask(state);
    assertEquals(watching, 1);

    const ended = new ResponseLife({
      ...NOBODY,
      watchClient: () => watching++,
    });
    ended.succeed();
    ask(ended);
    assertEquals(watching, 1);
  }
});

Deno.test("a watch that finds the client gone answers the question that began it", () => {
  const gone = () => {
    const state: ResponseLife = new ResponseLife({
      ...NOBODY,
      watchClient: () => state.fail("client_closed"),
    });
    return state;
  };
  assertEquals(gone().isConnected(), false);
  assertEquals(gone().disconnectReason(), "client_closed");
  const fired: DisconnectReason[] = [];
  gone().onDisconnect((reason) => fired.push(reason));
  gone().onComplete(() => fired.push("x-wrong"));
  assertEquals(fired, ["client_closed"]);
});

/** A life, and what its owner is told. */
function owned(): { life: ResponseLife; told: string[] } {
  const told: string[] = [];
  const life = new ResponseLife({
    watchClient: () => told.push("watchClient"),
    responseOver: () => told.push("responseOver"),
    released: () => told.push("released"),
    finished: () => told.push("finished"),
  });
  return { life, told };
}

Deno.test("a life says in words how far the response has come", () => {
  const { life } = owned();
  assertEquals(`${life}`, "open");
  life.advance("started");
  life.advance("streaming");
  assertEquals(`${life}`, "streaming");
  assertEquals([life.started, life.complete, life.over], [true, false, false]);
  life.fail("client_closed");
  assertEquals(`${life}`, "failed while streaming (client_closed)");
  assertEquals([life.complete, life.over, life.ended], [false, true, true]);
});

Deno.test("the response is over once, complete or failed", () => {
  const complete = owned();
  complete.life.advance("complete");
  complete.life.fail("client_closed");
  assertEquals(complete.told, ["responseOver"]);

  const failed = owned();
  failed.life.fail("server_error");
  failed.life.advance("complete");
  assertEquals(failed.told, ["responseOver"]);
  assertEquals(failed.life.complete, true);
});

Deno.test("a request is finished when both the app and the engine have finished", () => {
  const appFirst = owned();
  appFirst.life.endApp();
  appFirst.life.respond();
  assertEquals(appFirst.told, []);
  appFirst.life.release();
  appFirst.life.release();
  assertEquals(appFirst.told, ["released", "finished"]);

  const engineFirst = owned();
  engineFirst.life.release();
  assertEquals(engineFirst.told, ["released"]);
  engineFirst.life.endApp();
  assertEquals(engineFirst.told, ["released", "finished"]);
});
