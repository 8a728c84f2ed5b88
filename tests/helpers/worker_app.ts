/**
 * An app that shows which worker serves, and ends or blocks it when asked.
 *
 * @module
 */

/**
 * The source of an app that answers with `version`, the number of its worker
 * and how many requests its modules have seen. On stderr it says when it
 * starts and shuts down.
 */
export function workerApp(version = "one"): string {
  return `
const VERSION = ${JSON.stringify(version)};
${APP}`;
}

const APP = `
const say = (text) => console.error("app: " + text);
// Keeps the thread, as a loop without an end does, but not the processor.
const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
let number = 0;
let seen = 0;

const ACTIONS = {
  sleep: (seconds) => pause(Number(seconds)),
  block() { for (;;) block(10); },
  exit: (code) => Deno.exit(Number(code)),
  nodeExit: async () => (await import("node:process")).default.exit(3),
  close: () => self.close(),
  throw() { setTimeout(() => { throw new Error("stray"); }); },
  reject() { void Promise.reject(new Error("forgotten")); },
};

export default async (scope, receive, send) => {
  if (scope.type === "lifespan") {
    const { is_worker, worker_num } = scope.pagi;
    number = worker_num;
    for (;;) {
      const { type } = await receive();
      say(type.slice(9) + " " + is_worker + " " + worker_num);
      await send({ type: type + ".complete" });
      if (type === "lifespan.shutdown") return;
    }
  }
  if (scope.type === "websocket") {
    await receive();
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.send", text: "worker " + number });
    for (;;) {
      const event = await receive();
      if (event.type !== "websocket.disconnect") continue;
      return say("websocket " + event.code + " " + event.reason);
    }
  }
  if (scope.type === "sse") {
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "worker " + number });
    for (;;) {
      const event = await receive();
      if (event.type !== "sse.disconnect") continue;
      return say("sse " + event.reason);
    }
  }
  const [action, ...rest] = scope.path.slice(1).split("/");
  if (action in ACTIONS) say(action + " in " + number);
  await ACTIONS[action]?.(...rest);
  await send({ type: "http.response.start", status: 200 });
  await send({
    type: "http.response.body",
    body: VERSION + " worker " + number + (action === "seen" ? " seen " + ++seen : ""),
  });
};
`;
