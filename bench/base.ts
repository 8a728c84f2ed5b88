/**
 * Another version of the server, to compare this one with.
 *
 * @module
 */

import { fromFileUrl, resolve } from "../src/std/path.ts";

/** A version that can be started. */
export interface Base {
  /** What the results call it. */
  readonly name: string;
  /** The path of its `main.ts`. */
  readonly main: string;
}

const REPOSITORY = fromFileUrl(new URL("..", import.meta.url));

/**
 * Gives the version in a folder, or one of a commit, which is checked out into
 * a folder that is removed when the stack is disposed of.
 *
 * @throws {Error} When there is neither.
 */
export function openBase(given: string, stack: DisposableStack): Base {
  const folder = resolve(given);
  if (isFile(`${folder}/main.ts`)) {
    return { name: given, main: `${folder}/main.ts` };
  }
  const commit = git("rev-parse", "--verify", "--quiet", `${given}^{commit}`);
  if (commit === null) {
    throw new Error(
      `--compare takes a commit or a folder with a main.ts, and "${given}" is neither`,
    );
  }
  const copy = Deno.makeTempDirSync({ prefix: "pagi-base-" });
  stack.defer(() => {
    git("worktree", "remove", "--force", copy);
  });
  if (git("worktree", "add", "--detach", "--force", copy, commit) === null) {
    throw new Error(`git could not check out ${commit}`);
  }
  return { name: commit.slice(0, 7), main: `${copy}/main.ts` };
}

/** What git says; null when it fails. */
function git(...args: string[]): string | null {
  const { success, stdout } = new Deno.Command("git", {
    args: ["-C", REPOSITORY, ...args],
    stderr: "null",
  }).outputSync();
  return success ? new TextDecoder().decode(stdout).trim() : null;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
