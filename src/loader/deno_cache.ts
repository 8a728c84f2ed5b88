/** What Deno has fetched before, in its own folder. */

import { join } from "../std/path.ts";
import { foldersIn } from "./files.ts";

/** The folder that Deno keeps things in (`DENO_DIR`); null where none is set. */
export function denoFolder(): string | null {
  const { env } = Deno;
  const given = env.get("DENO_DIR");
  if (given) return given;
  const home = env.get("HOME");
  switch (Deno.build.os) {
    case "windows":
      return below(env.get("LOCALAPPDATA"), "deno");
    case "darwin":
      return below(home, "Library/Caches/deno");
  }
  return below(env.get("XDG_CACHE_HOME") || below(home, ".cache"), "deno");
}

/** The versions of a package of npm that were fetched, by their folders. */
export function fetchedVersions(name: string): Map<string, string> {
  const versions = new Map<string, string>();
  const npm = below(denoFolder(), "npm");
  for (const registry of npm === null ? [] : foldersIn(npm)) {
    const folder = join(npm!, registry, name);
    for (const version of foldersIn(folder)) {
      // Beside them are what the registry says, and copies (`1.2.3_1`).
      if (/^\d+\.\d+\.\d+[\w.+-]*$/.test(version) && !version.includes("_")) {
        versions.set(version, join(folder, version));
      }
    }
  }
  return versions;
}

function below(folder: string | null | undefined, path: string): string | null {
  return folder ? join(folder, path) : null;
}
