/** The configuration file: found and read. */

import { isFile } from "../loader/files.ts";
import type { Environment } from "../options/command_line.ts";
import type { ConfigFile } from "../options/config_file.ts";
import { flag } from "../options/value_types.ts";
import { messageOf, OptionError, quote } from "../options/option_error.ts";
import type { GivenValues } from "../options/resolve_settings.ts";

/** The file that is read from the current folder without being named. */
const DEFAULT_FILE = "pagi-server.toml";

/**
 * Reads the configuration file that the command line or the environment names,
 * or the one in the current folder, unless others could have written it: it
 * says what code runs.
 *
 * @throws {OptionError} When it cannot be read, or something in it is wrong.
 */
export async function findConfig(
  given: GivenValues,
  env: Environment,
): Promise<ConfigFile | null> {
  const named = given.get("config") as string | undefined ??
    (given.has("noConfig") ? undefined : env.PAGI_CONFIG || undefined);
  if (named !== undefined) return await readConfig(named);
  if (given.has("noConfig") || isOn(env.PAGI_NO_CONFIG)) return null;
  if (!isFile(DEFAULT_FILE)) return null;
  const reason = distrust(DEFAULT_FILE);
  if (reason !== null) {
    throw new OptionError(
      `${DEFAULT_FILE} in the current folder is not read because ${reason}; --config ${DEFAULT_FILE} reads it all the same, --no-config starts without it`,
    );
  }
  return await readConfig(DEFAULT_FILE);
}

async function readConfig(path: string): Promise<ConfigFile> {
  const { ConfigFile } = await import("../options/config_file.ts");
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new OptionError(
      `--config: ${quote(path)} cannot be read. ${messageOf(error)}`,
    );
  }
  const config = new ConfigFile(path, text);
  await checkAppOptions(config);
  return config;
}

/** Finds wrong options of bundled apps here, where their lines are known. */
async function checkAppOptions(config: ConfigFile): Promise<void> {
  if (config.apps.length === 0) return;
  const { bundledAppOptions } = await import("../loader/bundled_app_help.ts");
  const { readAppOptions } = await import("../options/app_options.ts");
  for (const app of config.apps) {
    const name = app.name ?? "PAGI::App::Directory";
    const table = await bundledAppOptions(name);
    // Others name their options when they are loaded; parts are no options.
    if (table === null || Object.keys(table).some(isPart)) continue;
    for (const [key, value] of Object.entries(app.pairs)) {
      try {
        readAppOptions(name, table, { [key]: value });
      } catch (error) {
        if (!(error instanceof OptionError)) throw error;
        throw config.appError(app, key, error);
      }
    }
  }
}

/** Whether a name is a placeholder for names that the user chooses. */
function isPart(name: string): boolean {
  return /[A-Z]/.test(name);
}

function isOn(text: string | undefined): boolean {
  try {
    return text !== undefined && flag.parse(text);
  } catch {
    return false; // is refused with all other variables
  }
}

/** Why a file may be another user's; null where it is not. */
function distrust(path: string): string | null {
  // Windows has other means of ownership.
  if (Deno.build.os === "windows") return null;
  let uid: number | null;
  try {
    uid = Deno.uid();
  } catch {
    return "Deno may not tell which user this is (--allow-sys=uid)";
  }
  for (
    const { uid: owner, mode, isSymlink } of [
      Deno.lstatSync(path),
      Deno.statSync(path),
    ]
  ) {
    if (owner !== uid && owner !== 0) return "it belongs to another user";
    if (!isSymlink && mode! & 0o002) return "every user may write to it";
  }
  return null;
}
