/**
 * Apps that are made of other apps.
 *
 * @module
 */

import { type Kind, text } from "../options/kinds.ts";
import type { PagiApp } from "../pagi/types.ts";

/** An app, or what gives one. */
export type AppPart = PagiApp | { toApp(): PagiApp };

/** The app that a part is. */
export function appOf(part: AppPart): PagiApp {
  return typeof part === "function" ? part : part.toApp();
}

/** An app that is named in an option's value. */
export const part: Kind<string> = { ...text, placeholder: "APP" };

/**
 * Loads an app that is named in an option's value, as on the command line but
 * with commas: `./api.ts`, `PAGI::App::File,root=public`.
 */
export type LoadPart = (named: string) => Promise<PagiApp>;
