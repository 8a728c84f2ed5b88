/** Starts the server that the command line describes. */

import { banner, othersUrls, pageUrl, places } from "./banner.ts";
import { BrokerError } from "../channels/broker_connection.ts";
import { threadChannels } from "../channels/channels.ts";
import type { Hub } from "../channels/hub.ts";
import { doorSummary } from "../engine/mod.ts";
import { isLoopback } from "../http/addresses.ts";
import { libraryNotices } from "../loader/find_module.ts";
import { loadApp, servedPage, servesFolder } from "../loader/load_app.ts";
import type { AppRequest } from "../loader/load_app.ts";
import { LoadError } from "../loader/load_error.ts";
import { DEVELOPMENT } from "../log/access_format.ts";
import { configureLog, log, logsToFile } from "../log/log.ts";
import { standardStream } from "../log/log_output.ts";
import {
  newCounters,
  RequestCounters,
  watchThread,
} from "../metrics/counters.ts";
import type { CommandLine } from "../options/command_line.ts";
import { OptionError } from "../options/option_error.ts";
import type { ResolvedSettings } from "../options/settings.ts";
import { appInMode, decideMode } from "../process/hosted_app.ts";
import { knownCommand, startedAs } from "../process/own_process.ts";
import {
  DaemonError,
  ProcessSetup,
  startDaemon,
} from "../process/process_setup.ts";
import type { Metrics } from "../process/metrics.ts";
import {
  runService,
  type Service,
  type ServiceFacts,
  WorkerError,
} from "../process/run_service.ts";
import { canShare, withoutSharing } from "../process/shared_addresses.ts";
import { SingleProcess } from "../process/single_process.ts";
import type { SourceWatcher } from "../process/reload.ts";
import type { Supervisor } from "../process/supervisor.ts";
import { predecessor } from "../process/takeover.ts";
import { isForTerminal } from "../server/access_log.ts";
import { StartupError } from "../server/lifespan.ts";
import { ListenError } from "../server/listen_address.ts";
import { Server } from "../server/server.ts";
import { resolve } from "../std/path.ts";
import { replaceProcess } from "../system/replace_process.ts";
import { SystemError } from "../system/libc.ts";
import { VERSION } from "./version.ts";
import { asksForPassword, settleShares, sharePath } from "./share_words.ts";
import { commandWithPort, EXIT, printError } from "./terminal.ts";

/**
 * Runs the server, or starts the daemon; resolves with the exit code.
 *
 * @throws {OptionError} When the command line is wrong.
 */
export async function start(line: CommandLine): Promise<number> {
  const command = knownCommand();
  let watcher: SourceWatcher | null = null;
  try {
    if (!Deno.build.standalone) { // or there is nothing to load it for
      const { startInProject } = await import("../process/start_in_project.ts");
      await startInProject(appRequest(line));
    }
    // Before the app is loaded, so that changes meanwhile are noticed.
    if (line.settings.reload) watcher = await sourceWatcher(line);
    await startOrDaemonize(withoutSharing(withModeDefaults(line)), watcher);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof OptionError) throw error;
    const code = report(error);
    if (command !== null && line.settings.reload && waitsForChange(error)) {
      watcher ??= await sourceWatcher(line);
      printError("Waiting for a change of the app's files.\n");
      await watcher.next();
      await replaceProcess(command.command, command.args);
    }
    return code;
  } finally {
    watcher?.[Symbol.dispose]();
  }
}

/** With --reload, the program waits until a broken app has been fixed. */
function waitsForChange(error: unknown): boolean {
  return startedAs() === null &&
    (error instanceof LoadError || error instanceof StartupError ||
      error instanceof WorkerError && !error.usage);
}

/** Imported on demand, since it loads modules of Node. */
async function sourceWatcher(line: CommandLine): Promise<SourceWatcher> {
  const { SourceWatcher } = await import("../process/reload.ts");
  const watcher = new SourceWatcher(appRequest(line), line.settings);
  await watcher.begin();
  return watcher;
}

async function startOrDaemonize(
  line: CommandLine,
  watcher: SourceWatcher | null,
): Promise<void> {
  if (startedAs() === null && line.settings.daemonize) {
    return await startDaemon();
  }
  await serve(line, watcher);
}

/** Sets the mode and the settings that depend on it. */
export function withModeDefaults(line: CommandLine): CommandLine {
  const env = decideMode(line.settings);
  const { logFile: path } = line.settings;
  // Workers open it when an app may have changed the folder.
  const logFile = path !== null && standardStream(path) === null
    ? resolve(path)
    : path;
  const settings = { ...line.settings, env, logFile };
  // A worker can be replaced; what a process has loaded stays.
  if (settings.reload) settings.workers = Math.max(1, settings.workers);
  if (isOnlyForThisMachine({ ...line, settings })) {
    settings.allowedHosts = ["loopback"];
  }
  if (
    env === "development" && !line.sources.has("accessLogFormat") &&
    isForTerminal(settings)
  ) settings.accessLogFormat = DEVELOPMENT;
  // Both logs may go to one stream, and one reader.
  if (settings.logFormat === "json" && !line.sources.has("accessLogFormat")) {
    settings.accessLogFormat = "json";
  }
  return { ...line, settings };
}

/**
 * Whether only names of this machine are allowed at a loopback address: by
 * default in development, and for folders. In production an app is most likely
 * behind a proxy on the same machine, which passes its clients' host names on.
 */
function isOnlyForThisMachine(
  { settings, positionals, sources }: CommandLine,
): boolean {
  const { env, proxyHeaders, app, eval: code } = settings;
  if (sources.has("allowedHosts") || proxyHeaders) return false;
  return env === "development" ||
    code === null && servesFolder(positionals, app);
}

async function serve(
  line: CommandLine,
  watcher: SourceWatcher | null,
): Promise<void> {
  const { settings, positionals } = line;
  configureLog({ level: settings.logLevel, format: settings.logFormat });
  log.debug(doorSummary);
  const command = knownCommand();
  const setup = await ProcessSetup.prepare(settings);
  for (const { level, text } of line.notices) log[level](text);
  const app = settings.eval === null ? [settings.app ?? positionals[0]] : [];
  const names = [...app, ...settings.module].filter((name) =>
    name !== undefined
  );
  for (const text of libraryNotices(settings.lib, names)) log.warn(text);
  const older = predecessor();
  const settled = await settleShares(line, older !== null);
  const request = appRequest(settled);
  const path = sharePath(settled.positionals);
  const counters = settings.metrics === null || settings.workers > 1 || watcher
    ? null
    : new RequestCounters(newCounters());
  if (counters !== null) watchThread(counters);
  const hub = await channelsHub(settings, watcher !== null);
  const service = settings.workers > 1 || watcher !== null
    ? await supervisor({
      settings,
      request,
      keyPair: setup.keyPair,
      predecessor: older,
      hub: hub!,
    })
    : new SingleProcess(
      async () => {
        const { app, title, onListen } = await loadApp(request);
        const server = new Server(
          await appInMode(app, settings),
          settings,
          {
            keyPair: setup.keyPair,
            counters,
            shared: canShare(),
            takesOver: older !== null,
            onListen,
          },
        );
        return { server, title };
      },
      settings.lifespanStartupTimeout,
      older,
      counters,
    );
  using metrics = await openMetrics(settings, service, older !== null);
  await runService(service, {
    command,
    watcher,
    predecessor: older,
    shutdownDelay: settings.shutdownDelay,
    onStopping: () => metrics?.stopping(),
    onReplaced: () => metrics?.replaced(),
    async onStarted() {
      const { urls, ...others } = service.facts();
      const facts = { ...others, urls: urls.map((url) => url + path) };
      const page = servedPage(request);
      const { quiet, logFormat } = settings;
      if (!quiet && logFormat === "text") printError(banner(facts, page));
      const { workers } = settings;
      const some = facts.workers < workers
        ? ` with ${facts.workers} of ${workers} workers`
        : "";
      metrics?.serving();
      log.info(`Ready at ${places(facts).join(", ")}${some}`);
      if (asksForPassword(positionals) && isReadableOnTheWay(facts)) {
        log.warn(
          "Passwords come without TLS, so others on the network can read them; use --ssl-cert and --ssl-key, or a proxy with TLS and --proxy-headers.",
        );
      }
      await setup.serving();
      if (older === null) await invite(facts, page);
    },
  });
}

async function supervisor(
  options: ConstructorParameters<typeof Supervisor>[0],
): Promise<Supervisor> {
  const { Supervisor } = await import("../process/supervisor.ts");
  return new Supervisor(options);
}

/**
 * What connects the channels of several threads and processes; null where this
 * thread is alone.
 *
 * @throws {BrokerError} When there is no backend for `--channels-backend`.
 */
async function channelsHub(
  { workers, channelsBackend }: ResolvedSettings,
  reloads: boolean,
): Promise<Hub | null> {
  const isAlone = workers <= 1 && !reloads;
  if (isAlone && channelsBackend === null) return null;
  const { Hub } = await import("../channels/hub.ts");
  const hub = new Hub();
  if (isAlone) hub.addLocal(threadChannels());
  if (channelsBackend !== null) {
    const { Broker } = await import("../channels/broker.ts");
    await Broker.open(hub, channelsBackend);
  }
  return hub;
}

async function openMetrics(
  settings: ResolvedSettings,
  service: Service,
  takesOver: boolean,
): Promise<Metrics | null> {
  if (settings.metrics === null) return null;
  const { Metrics } = await import("../process/metrics.ts");
  return Metrics.open(settings, VERSION, () => service.observe(), takesOver);
}

/** Whether requests of other machines may come without TLS. */
function isReadableOnTheWay({ urls, addresses, settings }: ServiceFacts) {
  return !settings.proxyHeaders &&
    urls.some((url) => url.startsWith("http:")) &&
    addresses.some((address) => "port" in address && !isLoopback(address.host));
}

/** Opens a browser and shows the QR code, as the options say. */
async function invite(facts: ServiceFacts, page: string | null): Promise<void> {
  const { open, qr } = facts.settings;
  if (!open && !qr) return;
  const { openBrowser, qrCode } = await import("./open.ts");
  if (qr) {
    const [url] = othersUrls(facts);
    if (url === undefined) {
      log.warn(
        "There is no QR code: other machines cannot connect. --host 0.0.0.0 lets them in, where there is a network.",
      );
    } else printError(await qrCode(pageUrl(url, page)));
  }
  const [url] = facts.urls;
  if (open && url !== undefined) void openBrowser(pageUrl(url, page));
}

/** The app that the command line names. */
export function appRequest({ settings, positionals }: CommandLine): AppRequest {
  const { app, lib, module: modules, eval: code } = settings;
  return { positionals, app, lib, modules, eval: code };
}

/** Whether the message of an error says what is wrong, and what to do. */
export function isExpected(error: unknown): error is Error {
  return error instanceof LoadError || error instanceof StartupError ||
    error instanceof ListenError || error instanceof WorkerError ||
    error instanceof SystemError || error instanceof DaemonError ||
    error instanceof BrokerError;
}

/** Prints an error and returns its exit code. */
function report(error: unknown): number {
  if (isExpected(error)) {
    const next = error instanceof ListenError && error.freePort !== null
      ? commandWithPort(Deno.args, error.freePort)
      : null;
    const hint = next === null ? "" : `  ${next}\n`;
    printError(`pagi-server: ${error.message}\n${hint}`);
    // Standard error may be closed by now.
    if (logsToFile()) log.error(error.message.split("\n"));
  } else log.error("The server failed.", error);
  if (error instanceof DaemonError) return error.exitCode;
  const usage = error instanceof WorkerError && error.usage;
  return usage ? EXIT.usage : EXIT.failure;
}
