/**
 * A worker thread: an app and its server, controlled by messages of the
 * supervisor.
 */

/// <reference lib="deno.worker" />

import { threadChannels } from "../channels/channels.ts";
import { connectToHub } from "../channels/hub.ts";
import { useRequestTimes } from "../guard/idle_timeouts.ts";
import { loadApp } from "../loader/load_app.ts";
import { LoadError } from "../loader/load_error.ts";
import { hideAbortWarning } from "../engine/error_text.ts";
import { configureLog, flushRepeats, log } from "../log/log.ts";
import { RequestCounters, watchThread } from "../metrics/counters.ts";
import { upstreamStates } from "../metrics/upstreams.ts";
import { messageOf, OptionError } from "../options/option_error.ts";
import { StartupError } from "../server/lifespan.ts";
import { ListenError } from "../server/listen_address.ts";
import { Server } from "../server/server.ts";
import { useDescriptorBudget } from "../system/descriptor_budget.ts";
import { appInMode, handleUncaughtErrors } from "./hosted_app.ts";
import { beatInterval } from "./worker_health.ts";
import type { FromWorker, ToWorker, WorkerPlan } from "./worker_handle.ts";

let server: Server | null = null;
/** Resolves with the connections that were closed to free descriptors. */
let freed = Promise.withResolvers<number>();

function tell(message: FromWorker): void {
  self.postMessage(message);
}

self.addEventListener("message", (event: MessageEvent<ToWorker>) => {
  handle(event.data).catch((error) => tell(failure(error)));
});

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case "start":
      return await start(message.plan);
    case "listen": {
      await server?.listen(message.addresses, message.sockets);
      if (server?.serving) {
        const { addresses, bound, urls, guard } = server;
        const held = guard?.held ?? null;
        tell({ type: "listening", addresses, bound, urls, held });
      }
      return;
    }
    case "leave":
      return server?.leave();
    case "stop":
      await server?.stop(message.replaced ? "replaced" : "stopped");
      flush();
      return tell({ type: "stopped" });
    case "reopenLogs":
      return server?.reopenLogs();
    case "flushLogs":
      await server?.flushLogs();
      return tell({ type: "flushed" });
    case "acceptAgain":
      freed.resolve(message.closed);
      freed = Promise.withResolvers();
      return;
    case "peers":
      return tell({ type: "peers", peers: server?.occupiedPeers() ?? [] });
    case "closed":
      return server?.connectionClosed(message.peer, message.reason);
  }
}

async function start(plan: WorkerPlan): Promise<void> {
  const { request, settings, number, connectionLimit, slots, keyPair } = plan;
  useDescriptorBudget(plan.descriptorBudget, number);
  useRequestTimes(plan.requestTimes);
  configureLog({
    level: settings.logLevel,
    file: settings.logFile,
    format: settings.logFormat,
    worker: number,
    timed: true,
  });
  hideAbortWarning();
  connectToHub(threadChannels(), plan.channels);
  reportEnds();
  const counters = startCounting(plan);
  tell({ type: "loading" });
  const { app, title, directory, onListen } = await loadApp(request);
  tell({ type: "loaded" });
  server = new Server(await appInMode(app, settings, directory), settings, {
    workerNumber: number,
    counters,
    shared: true,
    connectionLimit,
    slots,
    keyPair,
    onListen,
    onMaxRequests: () => tell({ type: "maxRequests" }),
    onAcceptFailed() {
      tell({ type: "acceptFailed" });
      return freed.promise;
    },
  });
  await server.startApp();
  const { heartbeatTimeout } = settings;
  if (heartbeatTimeout > 0) {
    const beat = () => tell({ type: "beat" });
    setInterval(beat, beatInterval(heartbeatTimeout));
  }
  tell({ type: "started", title });
}

let counting: RequestCounters | null = null;

/** Writes and counts what waits, before this worker ends. */
function flush(): void {
  flushRepeats();
  counting?.flush();
}

/** Milliseconds between two messages about the targets of proxies. */
const UPSTREAMS_MS = 1000;

function startCounting({ counters }: WorkerPlan): RequestCounters | null {
  if (counters === undefined) return null;
  counting = new RequestCounters(counters);
  watchThread(counting);
  setInterval(() => {
    const upstreams = upstreamStates();
    if (upstreams.length > 0) tell({ type: "upstreams", upstreams });
  }, UPSTREAMS_MS);
  return counting;
}

/**
 * Reports what ends or breaks this worker. `Deno.exit` and `self.close` fire no
 * event. After an uncaught error the app's state is unknown; an unhandled
 * rejection is no reason to end the app's WebSockets.
 */
function reportEnds(): void {
  const { exit } = Deno;
  Deno.exit = (code?: number): never => {
    flush();
    tell({ type: "exit", call: `Deno.exit(${code ?? Deno.exitCode})` });
    return exit(code);
  };
  const { close } = self;
  self.close = () => {
    flush();
    tell({ type: "exit", call: "self.close()" });
    close.call(self);
  };
  let told = false;
  handleUncaughtErrors(() => {
    if (!told) tell({ type: "broken" });
    told = true;
  });
}

function failure(error: unknown): FromWorker {
  const expected = error instanceof LoadError ||
    error instanceof StartupError || error instanceof ListenError ||
    error instanceof OptionError;
  if (!expected) log.error("This worker failed.", error);
  return {
    type: "failed",
    message: messageOf(error),
    usage: error instanceof OptionError,
  };
}
