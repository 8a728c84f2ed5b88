/**
 * Clients that leave in the middle.
 *
 * @module
 */

import { connect as connectNode } from "node:net";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import { delay } from "../helpers/wait.ts";
import { APP, FILES } from "./app.ts";
import { repeat } from "./bad_apps.ts";
import type { Run, Scenario } from "./scenario.ts";

const REQUEST =
  "POST /body HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20\r\n\r\n" +
  "x".repeat(20);

/** Sends `text`, waits, and resets the connection (RST). */
async function sendAndReset(
  run: Run,
  text: string,
  wait: number,
): Promise<void> {
  const socket = connectNode(run.port, "127.0.0.1");
  socket.on("error", () => {});
  await new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
    socket.once("connect", () => {
      socket.write(text);
      setTimeout(() => socket.resetAndDestroy(), wait);
    });
  });
  run.tell("a request: reset");
}

export const CLIENTS: readonly Scenario[] = [
  {
    name: "resets",
    does:
      "A request of a hundred bytes is sent as far as each of its bytes, and the connection is reset.",
    args: APP,
    options: { files: FILES },
    async round(run) {
      const step = run.short ? 10 : 1;
      await repeat(
        Math.ceil(REQUEST.length / step),
        (i) => sendAndReset(run, REQUEST.slice(0, i * step), i % 3),
      );
      await run.askAndTell();
    },
  },
  {
    name: "aborts",
    does:
      "Requests, of which a third is reset after a random time of up to 5 ms (the whole issue asks for a million of them: --minutes 10).",
    args: APP,
    options: { files: FILES },
    async round(run) {
      // The same in each run.
      let seed = 1;
      const random = () => (seed = seed * 48271 % 0x7fffffff) / 0x7fffffff;
      await repeat(run.short ? 60 : 3000, async () => {
        const target = random() < 0.1 ? "/large" : "/";
        if (random() < 0.33) {
          const head = `GET ${target} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
          await sendAndReset(run, head, random() * 5);
        } else await run.askAndTell();
      });
    },
  },
  {
    name: "websockets",
    does:
      "500 WebSockets a round are opened, echo a message and are closed, every fifth by the end of its connection.",
    args: APP,
    options: { files: FILES },
    round: (run) =>
      repeat(run.short ? 30 : 500, async (i) => {
        using client = await run.connect();
        const socket = await RawWebSocket.open(client);
        await socket.text(`${i}`);
        run.check(
          await socket.message() === `${i}`,
          "a WebSocket's echo was another",
        );
        if (i % 5 === 0) return run.tell("a WebSocket: echo, and left");
        await socket.close(1000);
        run.tell(`a WebSocket: echo, ${(await socket.closed())?.code}`);
      }),
  },
  {
    name: "files-changing",
    does:
      "A file of 20 MB is replaced, truncated, deleted and made again while eight clients at a time read it.",
    args: ["--no-access-log", "root=%"],
    async prepare(folder) {
      await Deno.writeTextFile(`${folder}/still.txt`, "still");
      return () => Promise.resolve();
    },
    async round(run) {
      const path = `${run.folder}/file.bin`;
      const make = (byte: number) =>
        Deno.writeFile(path, new Uint8Array(20_000_000).fill(byte));
      const acts = [
        () => Deno.remove(path),
        () => Deno.truncate(path, 1000),
        async () => {
          await Deno.writeFile(`${path}.new`, new Uint8Array(20_000_000));
          await Deno.rename(`${path}.new`, path);
        },
      ];
      for (const act of acts) {
        await make(1);
        await repeat(8, async (i) => {
          using client = await run.connect();
          await client.request("GET /file.bin", "connection: close");
          await client.more();
          if (i === 0) await act();
          const count = await client.drain();
          run.tell(
            count > 20_000_000 ? "the whole file" : "a part, and cut off",
          );
        }, 8);
        run.tell(`another file: ${await run.ask("/still.txt")}`);
      }
    },
  },
  {
    name: "upstream-dies",
    does:
      "The proxy's upstream closes its connection before, in and after the head and the body of its answer.",
    args: ["--no-access-log", "./proxy.js"],
    options: {
      files: {
        "proxy.js": `
const answer = "HTTP/1.1 200 OK\\r\\ncontent-length: 10\\r\\n\\r\\n0123456789";
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
(async () => {
  for await (const peer of listener) (async () => {
    const bytes = new Uint8Array(4096);
    try {
      const count = await peer.read(bytes);
      const [, cut] = /\\?(\\d+)/.exec(new TextDecoder().decode(bytes.subarray(0, count ?? 0))) ?? [];
      await peer.write(new TextEncoder().encode(answer.slice(0, Number(cut ?? answer.length))));
    } catch {}
    try { peer.close(); } catch {}
  })();
})();
import { ProxyApp } from "${new URL("../../src/apps/mod.ts", import.meta.url)}";
export default new ProxyApp({ target: "http://127.0.0.1:" + listener.addr.port }).toApp();
`,
      },
    },
    async round(run) {
      for (let cut = 0; cut <= 55; cut += run.short ? 11 : 1) {
        run.tell(`cut off: ${await run.ask(`/?${cut}`)}`);
      }
      run.tell(`not cut off: ${await run.ask("/")}`);
      await delay(0);
    },
  },
];
