/** The error of an app that cannot be loaded. */

import { withoutHints } from "../engine/error_text.ts";

/** Frames of the program that loads the app, not of the app. */
const OWN_FRAME = new URL("./", import.meta.url).href;
const FRAME = /^\s+at /;

/**
 * An app that cannot be loaded. The message is a sentence that names the app,
 * followed by the app's own stack where there is one; no other stack trace is
 * needed. On the command line it means exit code 1.
 */
export class LoadError extends Error {
  override name = "LoadError";

  /** `thrown` is what the app threw. */
  constructor(sentence: string, ...thrown: [] | [unknown]) {
    super([sentence, ...thrown.map(appTrace)].join("\n"));
  }
}

/** The stack of what an app threw: its frames only, with its causes. */
function appTrace(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `It threw ${Deno.inspect(thrown)}`;
  const cause = thrown.cause === undefined
    ? ""
    : `\nCaused by: ${appTrace(thrown.cause)}`;
  // Deno's own report of a module it cannot parse or find says where already.
  const stack = "code" in thrown && thrown.code === "ERR_MODULE_NOT_FOUND"
    ? thrown.message
    : thrown.stack ?? String(thrown);
  return ownFrames(withoutHints(withoutControls(stack))) + cause;
}

function withoutControls(text: string): string {
  // Imported, it would be loaded at each start (see the test of the layout).
  const { stripVTControlCharacters } = globalThis.process.getBuiltinModule(
    "node:util",
  );
  return stripVTControlCharacters(text);
}

/** Cuts a stack where the loader called the app. */
function ownFrames(stack: string): string {
  const lines = stack.split("\n");
  const end = lines.findIndex((line) =>
    FRAME.test(line) && line.includes(OWN_FRAME)
  );
  return lines.slice(0, end < 0 ? undefined : end).join("\n");
}
