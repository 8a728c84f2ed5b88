/**
 * What to do with an app that the compiled program cannot load.
 *
 * @module
 */

import { isMissingPackage } from "../engine/error_text.ts";
import { quote } from "../options/quote.ts";

/** The first Deno whose executables run TypeScript from disk. */
const RUNS_TYPESCRIPT = [2, 8, 2];

/**
 * Why an executable built with Deno `version` could not import `name`, and the
 * command that helps; null where `error` would be the same in a clone. An
 * executable has no package manager, and an old one does not read TypeScript.
 */
export function executableAdvice(
  name: string,
  error: unknown,
  version: string,
): string | null {
  if (/\.[mc]?tsx?$/.test(name) && isOlder(version, RUNS_TYPESCRIPT)) {
    return `This executable, built with Deno ${version}, runs JavaScript only; it takes one of Deno ${
      RUNS_TYPESCRIPT.join(".")
    } or newer to run TypeScript. ${bundleFirst(name)}`;
  }
  if (isMissingPackage(error)) {
    return `An executable cannot fetch packages, so an app must bring along what it imports. ${
      bundleFirst(name)
    }`;
  }
  return null;
}

function bundleFirst(name: string): string {
  const file = /\.[mc]?[jt]sx?$/.test(name) ? name : "app.ts";
  const output = file.replace(/\.\w+$/, ".bundle.js");
  return `Bundle it first, then name the bundle:
  deno bundle --output ${word(output)} ${word(file)}`;
}

function word(path: string): string {
  return /^[\w./@%+-]+$/.test(path) ? path : quote(path);
}

function isOlder(version: string, least: readonly number[]): boolean {
  const parts = version.split(/[.+-]/).map(Number);
  const index = least.findIndex((number, index) => number !== parts[index]);
  return index >= 0 && parts[index] < least[index];
}
