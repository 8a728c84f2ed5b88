/**
 * What the server answers in the stead of an app that failed.
 *
 * @module
 */

import type { HeaderList } from "../pagi/types.ts";
import { RETRY_SOON } from "./refusal.ts";

/** An answer in plain text that tells nothing of the app. */
export interface FailureAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: HeaderList;
}

const FAILED: FailureAnswer = {
  status: 500,
  text: "Internal Server Error",
  headers: [],
};

const OUT_OF_DESCRIPTORS: FailureAnswer = {
  status: 503,
  text: "The server has too many files open.",
  headers: [[...RETRY_SOON]],
};

/** Tells whether an app failed because too many files are open. */
export function lacksDescriptors(error: unknown): boolean {
  const code = error instanceof Error && (error as { code?: string }).code;
  return code === "EMFILE" || code === "ENFILE";
}

/** The answer for what an app has thrown, or for one that did not answer. */
export function failureAnswer(error?: unknown): FailureAnswer {
  return lacksDescriptors(error) ? OUT_OF_DESCRIPTORS : FAILED;
}
