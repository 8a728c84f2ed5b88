/**
 * What an app threw, taken apart for people to read.
 *
 * @module
 */

import { isServerFrame } from "../log/stack_frames.ts";

/** One error, or one of its causes. */
export interface ErrorReport {
  /** Its class; for what is no error, its type. */
  readonly name: string;
  readonly message: string;
  readonly frames: readonly Frame[];
}

/** One line of a stack. */
export interface Frame {
  /** As the engine wrote it, without "at". */
  readonly text: string;
  /** The app's own code, and neither the server's nor a package's. */
  readonly own: boolean;
}

/** Causes may go round in circles. */
const MAX_CAUSES = 10;
const FOREIGN = /\b(ext|node|https?):|\/(node_modules|npm)\/|\(<anonymous>\)$/;

/** The error and its causes, the outermost first. */
export function errorReports(error: unknown): ErrorReport[] {
  const reports: ErrorReport[] = [];
  let next = error;
  do {
    reports.push(report(next));
    next = next instanceof Error ? next.cause : undefined;
  } while (next !== undefined && reports.length <= MAX_CAUSES);
  return reports;
}

function report(error: unknown): ErrorReport {
  if (!(error instanceof Error)) {
    return {
      name: `Thrown: ${error === null ? "null" : typeof error}`,
      message: typeof error === "string" ? error : Deno.inspect(error),
      frames: [],
    };
  }
  const { message, stack } = error;
  // Many classes of errors keep the name of their base.
  const name = error.name === "Error" ? error.constructor.name : error.name;
  return { name, message, frames: framesOf(String(stack ?? "")) };
}

function framesOf(stack: string): Frame[] {
  return [...stack.matchAll(/^ +at (.*)$/gm)].map(([, text]) => ({
    text: text.replace(/\bfile:\/\/(?=\/)/, ""),
    own: !isServerFrame(text) && !FOREIGN.test(text),
  }));
}
