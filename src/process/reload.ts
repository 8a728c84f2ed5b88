/**
 * `--reload`: what is watched, and when it has changed (PAGI.md 6).
 *
 * Files are compared by stat(2) once a second, which finds changes on every file
 * system, and however an editor saves. Events of the file system only trigger
 * that at once.
 */

import { appFiles } from "../loader/app_files.ts";
import { isFolder, stampOf } from "../loader/files.ts";
import type { AppRequest } from "../loader/load_app.ts";
import { log } from "../log/log.ts";
import { visible } from "../options/option_error.ts";
import type { Settings } from "../options/settings.ts";
import { dirname, globToRegExp, join, relative, resolve } from "../std/path.ts";
import { delay } from "../std/timer.ts";

/** Interval of scans without an event (ms). */
const POLL_MS = 1000;
/** How long files must stay as they are before they count as saved (ms). */
const SETTLE_MS = 40;
/** The same for a file that is empty or missing: it may be being saved. */
const SETTLE_EMPTY_MS = 300;
/** How many files of `--reload-dir` and `--reload-include` are watched. */
const MAX_FILES = 20_000;
/** Folders of packages and versions, and temporary files of editors. */
const IGNORED =
  /^(?:node_modules|\.git|\.svn|\.hg|4913|.*~|#.*#|\.#.*|\..*\.sw[a-z]|.*\.tmp)$/;

/** What has changed. */
export interface Change {
  /** A clause for the log: `app.ts has changed`. */
  readonly reason: string;
  /** Absolute paths. */
  readonly paths: readonly string[];
  /** True if only a new process reads it. */
  readonly needsProcess: boolean;
}

/** Absolute paths; true for those that a process reads at its start alone. */
type Watched = Map<string, boolean>;

/** The {@linkcode stampOf} each path. */
type State = ReadonlyMap<string, string>;

/** Watches the files of an app. */
export class SourceWatcher implements Disposable {
  readonly #request: AppRequest;
  readonly #settings: Settings;
  /** Of `--reload-include`: what to look for, and in which folder. */
  readonly #globs: readonly { folder: string; pattern: RegExp }[];
  #watched: Watched = new Map();
  #state: State = new Map();
  #events: Deno.FsWatcher | null = null;
  #folders = "";
  #wake = Promise.withResolvers<void>();
  #stopped = false;
  #next: Promise<Change | null> | null = null;

  constructor(request: AppRequest, settings: Settings) {
    this.#request = request;
    this.#settings = settings;
    this.#globs = settings.reloadInclude.map((glob) => {
      const [fixed] = glob.split(/[*?[{]/);
      return {
        folder: resolve(dirname(fixed === glob ? glob : `${fixed}x`)),
        pattern: globToRegExp(resolve(glob), { globstar: true }),
      };
    });
  }

  /** Records the present state of the files. */
  async begin(): Promise<void> {
    this.#watched = await this.#files();
    this.#state = this.#look();
    this.#listen();
  }

  /**
   * Resolves with the next change that has settled; null once it is stopped.
   * Calls until then wait for the same one.
   */
  next(): Promise<Change | null> {
    return this.#next ??= this.#change().finally(() => this.#next = null);
  }

  async #change(): Promise<Change | null> {
    while (!this.#stopped) {
      await this.#wakened();
      let state = this.#look();
      if (difference(this.#state, state).length === 0) continue;
      for (let before = this.#state; difference(before, state).length > 0;) {
        const isEmpty = difference(before, state).some((path) =>
          /^$| 0$/.test(state.get(path) ?? "")
        );
        before = state;
        await delay(isEmpty ? SETTLE_EMPTY_MS : SETTLE_MS);
        state = this.#look();
      }
      const paths = difference(this.#state, state);
      if (paths.length === 0) continue; // it was undone
      const needsProcess = paths.some((path) => this.#watched.get(path));
      const before = this.#watched;
      this.#watched = await this.#files();
      // A file that is gone may come back, and its import does not lead to it.
      for (const path of paths) {
        if (state.get(path) === "" && !this.#watched.has(path)) {
          this.#watched.set(path, before.get(path) ?? false);
        }
      }
      // What was saved meanwhile is the next change.
      this.#state = new Map(
        [...this.#look()].map(([path, now]) => [path, state.get(path) ?? now]),
      );
      this.#listen();
      return { reason: describe(paths), paths, needsProcess };
    }
    return null;
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#events?.close();
    this.#wake.resolve();
  }

  /** The files that the app and the command line name. */
  async #files(): Promise<Watched> {
    const { config, envFile } = this.#settings;
    const files = new Map<string, boolean>();
    try {
      const { code, configuration } = await appFiles(this.#request);
      for (const path of code) files.set(path, false);
      for (const path of configuration) files.set(path, true);
    } catch {
      for (const [path, needs] of this.#watched) files.set(path, needs);
    }
    for (const path of envFile) files.set(resolve(path), false);
    if (config !== null) files.set(resolve(config), true);
    return files;
  }

  /** The state of all files; folders are listed again. */
  #look(): State {
    const { reloadDir } = this.#settings;
    const state = new Map<string, string>();
    const add = (path: string): boolean => {
      if (!state.has(path)) state.set(path, stampOf(path));
      return state.size < MAX_FILES;
    };
    for (const path of this.#watched.keys()) add(path);
    for (const folder of reloadDir) walk(resolve(folder), add);
    for (const { folder, pattern } of this.#globs) {
      walk(folder, (path) => !pattern.test(path) || add(path));
    }
    return state;
  }

  /** Waits for an event or the next scan. */
  async #wakened(): Promise<void> {
    const timer = setTimeout(() => this.#wake.resolve(), POLL_MS);
    await this.#wake.promise;
    clearTimeout(timer);
    this.#wake = Promise.withResolvers();
  }

  /** Listens to events in the folders of what is watched. */
  #listen(): void {
    const folders = [...new Set([...this.#state.keys()].map(dirname))]
      .filter(isFolder);
    const key = folders.sort().join("\0");
    if (key === this.#folders || this.#stopped) return;
    this.#folders = key;
    this.#events?.close();
    try {
      this.#events = Deno.watchFs(folders, { recursive: false });
    } catch {
      this.#events = null; // files are still scanned
      return;
    }
    void this.#read(this.#events);
  }

  async #read(events: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind } of events) {
        if (kind !== "access") this.#wake.resolve();
      }
    } catch (error) {
      log.debug("Events of the file system have ended:", error);
    }
  }
}

function describe([first, ...rest]: readonly string[]): string {
  const name = visible(relative(Deno.cwd(), first) || first);
  return rest.length === 0
    ? `${name} has changed`
    : `${name} and ${rest.length} more have changed`;
}

/** Calls `add` with each file below `folder` until it returns false. */
function walk(folder: string, add: (path: string) => boolean): boolean {
  try {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      if (IGNORED.test(name)) continue;
      const path = join(folder, name);
      if (!(isDirectory ? walk(path, add) : add(path))) return false;
    }
  } catch {
    // It is gone, or may not be read.
  }
  return true;
}

/** The paths whose state differs. */
function difference(a: State, b: State): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((path) =>
    a.get(path) !== b.get(path)
  );
}
