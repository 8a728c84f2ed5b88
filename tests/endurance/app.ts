/**
 * The app of the scenarios: good at `/`, and bad in every way beside it.
 *
 * @module
 */

/** The files of the server's folder. */
export const FILES: Readonly<Record<string, string>> = {
  "app.js": `
const text = (send, body, status = 200) =>
  send({ type: "http.response.start", status, headers: [["content-length", String(body.length)]] })
    .then(() => send({ type: "http.response.body", body }));
const CHUNK = "x".repeat(65536);
const kept = [];

const PATHS = {
  "/": (_, send) => text(send, "ok"),
  async "/body"(receive, send) {
    let bytes = 0;
    for (;;) {
      const event = await receive();
      if (event.type === "http.disconnect") return;
      bytes += event.body?.length ?? 0;
      if (!event.more) break;
    }
    await text(send, String(bytes));
  },
  async "/large"(_, send) {
    await send({ type: "http.response.start", status: 200, headers: [] });
    for (let i = 0; i < 1024; i++) await send({ type: "http.response.body", body: CHUNK, more: true });
    await send({ type: "http.response.body", body: "" });
  },
  "/throw": () => { throw new Error("thrown on purpose"); },
  async "/late-throw"(_, send) {
    await send({ type: "http.response.start", status: 200, headers: [] });
    await send({ type: "http.response.body", body: "part", more: true });
    throw new Error("thrown late on purpose");
  },
  "/hang": () => new Promise(() => {}),
  "/block": (_, send) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
    return text(send, "blocked");
  },
  "/leak": (_, send) => {
    kept.push(new Uint8Array(100_000).fill(1));
    return text(send, "leaked");
  },
  async "/flood"(receive, send) {
    await send({ type: "http.response.start", status: 200, headers: [] });
    let here = true;
    (async () => { while ((await receive()).type !== "http.disconnect"); here = false; })();
    while (here) await send({ type: "http.response.body", body: CHUNK, more: true });
  },
  "/log": (_, send) => {
    for (let i = 0; i < 100; i++) console.error("the app says much " + "x".repeat(100));
    return text(send, "said");
  },
  "/exit": () => Deno.exit(3),
  "/close": () => self.close(),
  "/stray": (_, send) => { setTimeout(() => { throw new Error("stray on purpose"); }); return text(send, "soon"); },
};

export default async (scope, receive, send) => {
  if (scope.type === "lifespan") throw new Error("There is no lifespan.");
  if (scope.type === "websocket") {
    await receive();
    await send({ type: "websocket.accept" });
    for (;;) {
      const event = await receive();
      if (event.type !== "websocket.receive") return;
      await send({ type: "websocket.send", text: event.text });
    }
  }
  await (PATHS[scope.path] ?? PATHS["/"])(receive, send);
};
`,
};

/** Arguments that start it. */
export const APP: readonly string[] = ["--no-access-log", "./app.js"];
