import { assertEquals, assertRejects } from "../../src/std/assert.ts";
import { composedLifespan } from "../../src/apps/composing.ts";
import type {
  LifespanScope,
  PagiApp,
  SendEvent,
} from "../../src/pagi/types.ts";

const without: PagiApp = () => Promise.reject(new Error("no lifespan"));

function withLifespan(
  log: string[],
  name: string,
  end: Partial<Record<"start" | "stop", string>> = {},
): PagiApp {
  return async (scope, receive, send) => {
    if (scope.type !== "lifespan") return;
    scope.state![name] = true;
    assertEquals((await receive()).type, "lifespan.startup");
    log.push(`${name} starts`);
    if (end.start) {
      return await send({
        type: "lifespan.startup.failed",
        message: end.start,
      });
    }
    await send({ type: "lifespan.startup.complete" });
    assertEquals((await receive()).type, "lifespan.shutdown");
    log.push(`${name} stops`);
    await send(
      end.stop
        ? { type: "lifespan.shutdown.failed", message: end.stop }
        : { type: "lifespan.shutdown.complete" },
    );
  };
}

async function live(
  apps: PagiApp[],
): Promise<{ sent: SendEvent[]; state: object }> {
  const sent: SendEvent[] = [];
  const events = ["lifespan.startup", "lifespan.shutdown"] as const;
  let next = 0;
  const scope: LifespanScope = {
    type: "lifespan",
    pagi: { version: "0.3" },
    state: {},
  };
  await composedLifespan(
    apps,
    scope,
    () => Promise.resolve({ type: events[next++] }),
    (event) => Promise.resolve(void sent.push(event)),
  );
  return { sent, state: scope.state! };
}

Deno.test("lifespan reaches every app, and each once", async () => {
  const log: string[] = [];
  const a = withLifespan(log, "a");
  const { sent, state } = await live([a, without, withLifespan(log, "b"), a]);
  assertEquals(log, ["a starts", "b starts", "a stops", "b stops"]);
  assertEquals(sent, [
    { type: "lifespan.startup.complete" },
    { type: "lifespan.shutdown.complete" },
  ]);
  assertEquals(state, { a: true, b: true });
});

Deno.test("one app that fails to start fails the whole, and the others stop", async () => {
  const log: string[] = [];
  const { sent } = await live([
    withLifespan(log, "a"),
    withLifespan(log, "b", { start: "no database" }),
  ]);
  assertEquals(sent, [
    { type: "lifespan.startup.failed", message: "no database" },
  ]);
  assertEquals(log, ["a starts", "b starts", "a stops"]);
});

Deno.test("an app that fails to stop is told of", async () => {
  const { sent } = await live([
    withLifespan([], "a", { stop: "still busy" }),
    withLifespan([], "b"),
  ]);
  assertEquals(sent.at(-1), {
    type: "lifespan.shutdown.failed",
    message: "still busy",
  });
});

Deno.test("apps without lifespan make one without lifespan", async () => {
  await assertRejects(
    () => live([without, without]),
    Error,
    "does not support scopes of type lifespan",
  );
});
