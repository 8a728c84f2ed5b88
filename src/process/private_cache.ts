/**
 * A copy of Deno's cache for a user who cannot read root's.
 *
 * By default root's packages lie below /root, where nobody else may look. But
 * workers, successors and what an app imports late are loaded by the user of
 * `--user`. Deno chooses its cache when a process starts, so root makes a copy
 * and starts over with it as DENO_DIR.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };
import { log } from "../log/log.ts";
import type { Settings } from "../options/settings.ts";
import { basename, dirname, join } from "../std/path.ts";
import { ACCESS, mayAccess } from "../system/access.ts";
import type { Identity } from "../system/privileges.ts";
import { shareTree, treeSize } from "../system/share_tree.ts";
import { startOver } from "../system/start_over.ts";
import { resolveIdentity } from "./identity.ts";
import { takeVariable } from "./own_variable.ts";
import { cacheFolder, SOURCE } from "./readable_code.ts";

/** Tells a process that its DENO_DIR is such a copy. */
const VARIABLE = "PAGI_SERVER_CACHE";
const PREFIX = "pagi-server-cache-";
/** What code is loaded from; the rest of a cache only saves time. */
const PARTS = ["npm", "remote"];
/** How many bytes to copy where there can be no hard links. */
const MOST_BYTES = 256 * 1024 * 1024;

const folder = hold();

/** What the environment of another process with the same cache needs. */
export const privateCacheVariables: Readonly<Record<string, string>> =
  folder === null ? {} : { DENO_DIR: folder, [VARIABLE]: folder };

/**
 * Starts this process over with a cache that the user of `--user` can read,
 * unless that is so already: to be called before anything else is done. Returns
 * where a copy is not needed, or is of no use.
 *
 * @throws {OptionError} For a user or group that is not there.
 */
export function ensureReadableCache(settings: Settings): void {
  if (folder !== null || Deno.build.standalone) return;
  const identity = resolveIdentity(settings);
  if (identity === null || Deno.build.os !== "linux" || Deno.uid() !== 0) {
    return;
  }
  const cache = cacheFolder();
  if (cache === null) return;
  const sources = SOURCE === null || mayAccess(SOURCE, identity, ACCESS.read);
  if (!sources || isReadable(cache, identity)) return;
  let copy: string | null = null;
  try {
    copy = makeCopy(cache, identity);
    Deno.env.set("DENO_DIR", copy);
    Deno.env.set(VARIABLE, copy);
    startOver();
  } catch (error) {
    log.warn(`${cache} cannot be copied for that user: ${error}`);
    Deno.env.set("DENO_DIR", cache);
    Deno.env.delete(VARIABLE);
    if (copy !== null) Deno.removeSync(copy, { recursive: true });
  }
}

/**
 * Makes `identity` the owner of the copy, who will have to remove it: right
 * before root becomes that user, as root follows no paths of somebody else.
 */
export function givePrivateCache(identity: Identity): void {
  if (folder !== null) giveFolders(folder, identity);
}

/**
 * Removes the copies of processes of this user that were killed. To be called
 * as that user: what else may bear such a name is not root's to touch.
 */
export function removeAbandonedCaches(): void {
  if (folder === null) return;
  const place = dirname(folder);
  for (const { name, isDirectory } of Deno.readDirSync(place)) {
    const path = join(place, name);
    if (!name.startsWith(PREFIX) || !isDirectory || path === folder) continue;
    try {
      if (Deno.lstatSync(path).uid !== Deno.uid()) continue;
      using lock = Deno.openSync(path);
      removeUnheld(path, lock);
    } catch (error) {
      log.debug(`${path} cannot be removed: ${error}`);
    }
  }
}

/** From the inside out: what lies in a folder of root's stays in its place. */
function giveFolders(path: string, identity: Identity): void {
  for (const { name, isDirectory } of [...Deno.readDirSync(path)]) {
    if (isDirectory) giveFolders(join(path, name), identity);
  }
  Deno.chownSync(path, identity.uid, identity.gid);
}

/**
 * The copy that this process loads from, null if none. The last process that
 * holds it removes it. The lock also keeps systemd-tmpfiles(8) from ageing it.
 */
function hold(): string | null {
  const path = takeVariable(VARIABLE);
  if (path === null || !basename(path).startsWith(PREFIX)) return null;
  const lock = Deno.openSync(path);
  lock.lockSync();
  // Also when the app calls Deno.exit.
  globalThis.addEventListener("unload", () => {
    try {
      removeUnheld(path, lock);
    } catch (error) {
      log.warn(`${path} cannot be removed: ${error}`);
    }
  });
  return path;
}

/** Every process that loads from a copy has a shared lock on it. */
function removeUnheld(path: string, lock: Deno.FsFile): void {
  if (lock.tryLockSync(true)) Deno.removeSync(path, { recursive: true });
}

function isReadable(cache: string, identity: Identity): boolean {
  const wanted = ACCESS.read | ACCESS.search;
  return PARTS.flatMap((part) => hosts(cache, part)).every((path) =>
    mayAccess(join(cache, path), identity, wanted)
  );
}

/** The folders of a part, each for a place that code came from. */
function hosts(cache: string, part: string): string[] {
  try {
    return [...Deno.readDirSync(join(cache, part))]
      .filter(({ isDirectory }) => isDirectory)
      .map(({ name }) => join(part, name));
  } catch {
    return []; // nothing came from there
  }
}

/** @throws {Error} When it cannot be made; then nothing is left of it. */
function makeCopy(cache: string, identity: Identity): string {
  const device = Deno.statSync(cache).dev;
  const places = [Deno.env.get("TMPDIR") || "/tmp", "/var/tmp"].filter((path) =>
    mayAccess(path, identity, ACCESS.read | ACCESS.write | ACCESS.search)
  );
  // Hard links, which cost nothing, take the same file system.
  const near = places.find((path) => Deno.statSync(path).dev === device);
  const dir = near ?? places.at(-1);
  const copy = Deno.makeTempDirSync({ dir, prefix: PREFIX });
  try {
    const npm = near !== undefined || treeSize(join(cache, "npm")) <= MOST_BYTES
      ? ["npm"]
      : ownPackages(cache);
    for (const path of [...npm, "remote"]) {
      shareTree(join(cache, path), join(copy, path));
    }
    return copy;
  } catch (error) {
    Deno.removeSync(copy, { recursive: true });
    throw error;
  }
}

/** The folders of the packages that this program imports. */
function ownPackages(cache: string): string[] {
  const names = Object.values(config.imports).flatMap((specifier) =>
    /^npm:((?:@[^/]+\/)?[^/@]+)/.exec(specifier)?.[1] ?? []
  );
  return hosts(cache, "npm").flatMap((host) =>
    [...new Set(names)].map((name) => join(host, name))
  );
}
