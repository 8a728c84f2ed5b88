/**
 * A job that is started in one request and watched in others, which may reach
 * other workers.
 */

import type { HttpScope, PagiApp, Send } from "@pagi/server/types";

const STEPS = 10;

const pause = (ms: number): Promise<void> =>
  new Promise((done) => setTimeout(done, ms));

const app: PagiApp = async (scope, receive, send) => {
  if (scope.type === "http") return await start(scope, send);
  if (scope.type !== "sse") throw new Error(`No support for ${scope.type}`);

  await scope["pagi.channels"]!.subscribe(channelOf(scope.path));
  await send({ type: "sse.start" });
  for (;;) {
    const event = await receive();
    if (event.type === "channel.message") {
      const { done } = event.message as { done: number };
      const data = JSON.stringify(event.message);
      await send({ type: "sse.send", event: "progress", data });
      if (done === STEPS) return;
    } else if (event.type === "sse.disconnect") return;
  }
};

/** Starts a job at POST, and says where to watch it. */
async function start({ path, ...scope }: HttpScope, send: Send): Promise<void> {
  const ok = scope.method === "POST";
  if (ok) void run(scope["pagi.channels"]!, channelOf(path));
  await send({ type: "http.response.start", status: ok ? 202 : 405 });
  await send({ type: "http.response.body", body: ok ? `${path}\n` : "" });
}

async function run(
  channels: NonNullable<HttpScope["pagi.channels"]>,
  channel: string,
): Promise<void> {
  for (let done = 1; done <= STEPS; done++) {
    await pause(50);
    await channels.publish(channel, { done, of: STEPS });
  }
}

/** `/jobs/7` is watched at `job.jobs.7`. */
function channelOf(path: string): string {
  return `job${path.replaceAll(/[^A-Za-z0-9]/g, ".")}`.slice(0, 100);
}

export default app;
