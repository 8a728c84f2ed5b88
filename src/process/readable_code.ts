/**
 * Whether code can still be loaded when root has become another user.
 *
 * @module
 */

import { fromFileUrl, join } from "../std/path.ts";
import { SystemError } from "../system/system_error.ts";

/** A file of this program; null where it came over the network. */
const SOURCE: string | null = import.meta.url.startsWith("file:")
  ? fromFileUrl(import.meta.url)
  : null;

/**
 * Makes sure that this user can read this program and its packages: workers
 * load them anew. A compiled program brings them with it.
 *
 * @throws {SystemError} When something of it cannot be read.
 */
export function requireReadableCode(): void {
  if (Deno.build.standalone) return;
  requireReadable(SOURCE, "Install this program where everybody can read it");
  const cache = cacheFolder();
  requireReadable(
    // The folder itself may be visible where its contents are not.
    cache && `${join(cache, "npm")}/.`,
    "Set DENO_DIR to a cache that everybody can read",
  );
}

function requireReadable(path: string | null, remedy: string): void {
  try {
    if (path !== null) Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) return;
    throw new SystemError(
      `The user that the server runs as cannot read ${path}, and workers must. ${remedy}, or use the compiled program.`,
    );
  }
}

/** Where Deno keeps what it loaded; null when nobody can tell. */
function cacheFolder(): string | null {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") ||
    (home ? join(home, ".cache") : null);
  return Deno.env.get("DENO_DIR") || (cache && join(cache, "deno"));
}
