/**
 * Runs a command line, from its words to its exit code.
 *
 * Imports are lazy: a health check, which runs often, does not load the server,
 * and a server does not load the health check.
 */

import {
  type Arguments,
  type CommandLine,
  type Environment,
  readArguments,
  resolveArguments,
} from "../options/command_line.ts";
import { helpText } from "../options/help.ts";
import {
  OptionError,
  quote,
  UnknownOptionError,
} from "../options/option_error.ts";
import { needsSettings } from "../options/names.ts";
import {
  EXIT,
  outputWidth,
  print,
  printError,
  ProbeError,
} from "./terminal.ts";
import { findConfig } from "./configuration.ts";
import { internalsText, versionText } from "./version.ts";

/**
 * Runs the program of this process, and ends the process.
 *
 * It is not awaited at the top level: with a pending module the engine polls its
 * event loop twice per turn.
 */
export function runProcess(): void {
  run(Deno.args, Deno.env.toObject()).then(Deno.exit, (error) => {
    console.error(error);
    Deno.exit(EXIT.failure);
  });
}

/** Runs the program; resolves with its exit code. */
export async function run(
  args: readonly string[],
  env: Environment,
): Promise<number> {
  try {
    const read = commandWord(readArguments(args));
    const config = needsSettings(read.action)
      ? await findConfig(read.values, env)
      : null;
    const line = resolveArguments(read, env, config);
    const { envFile } = line.settings;
    if (envFile.length === 0) return await act(line);
    const { useEnvFiles } = await import("../process/env_files.ts");
    const more = useEnvFiles(envFile);
    return await act(resolveArguments(read, { ...env, ...more }, config));
  } catch (error) {
    const usage = error instanceof OptionError;
    if (!usage && !(error instanceof ProbeError)) throw error;
    printError(`pagi-server: ${await explain(error, args)}\n`);
    return usage && !args.includes("--check") ? EXIT.usage : EXIT.failure;
  }
}

/** Takes `help` and `version` in place of an app for options, unless they are files. */
function commandWord(read: Arguments): Arguments {
  const [word, ...rest] = read.positionals;
  const isWord = word === "help" || word === "version";
  if (read.action !== "run" || !isWord || read.values.has("app")) return read;
  try {
    Deno.lstatSync(word);
    return read;
  } catch {
    return { ...read, action: word, positionals: rest };
  }
}

/** The message of an error, with a hint if the option is that of an app. */
async function explain(error: Error, args: readonly string[]): Promise<string> {
  if (!(error instanceof UnknownOptionError)) return error.message;
  const { appOptionHint } = await import("../loader/bundled_app_help.ts");
  const hint = await appOptionHint(error.option, args);
  return hint === null
    ? error.message
    : `unknown option ${quote(error.option)}; ${hint}`;
}

async function act(line: CommandLine): Promise<number> {
  switch (line.action) {
    case "help":
      print(await help(line.positionals));
      break;
    case "version":
      print(versionText() + (line.verbose ? await internalsText() : ""));
      break;
    case "probe": {
      const { probe } = await import("./probe.ts");
      await probe(line.probe!);
      break;
    }
    case "hashPassword": {
      const { printHash } = await import("./hash_password.ts");
      await printHash(line.positionals);
      break;
    }
    case "printConfig": {
      const { configText } = await import("./print_config.ts");
      const { withModeDefaults } = await import("./start.ts");
      print(await configText(line, withModeDefaults(line).settings));
      break;
    }
    case "check": {
      const { checkStart } = await import("./check.ts");
      return await checkStart(line);
    }
    case "explain": {
      const { explainRequests } = await import("./explain.ts");
      return await explainRequests(line);
    }
    case "run": {
      const { start } = await import("./start.ts");
      return await start(line);
    }
  }
  return EXIT.ok;
}

/** The help on a word: a bundled app, an option or a topic; else all of it. */
async function help([word]: readonly string[]): Promise<string> {
  const width = outputWidth();
  if (word === undefined) return helpText(width);
  const { bundledAppHelp } = await import("../loader/bundled_app_help.ts");
  const app = await bundledAppHelp(word, width);
  // The app of a command line is no question for help on it.
  if (app !== null || /[/.:=]/.test(word)) return app ?? helpText(width);
  const { topicHelp } = await import("../options/help_topics.ts");
  return topicHelp(word, width);
}
