/**
 * The thread that verifies passwords, so that no request waits for the
 * processor time that this takes.
 */

/// <reference lib="deno.worker" />

import type { PasswordAnswer, PasswordQuestion } from "./password_check.ts";
import { verifyPassword } from "./password_hash.ts";

self.addEventListener(
  "message",
  async ({ data }: MessageEvent<PasswordQuestion>) => {
    const { id, password, hash } = data;
    const isRight = await verifyPassword(password, hash).catch(() => null);
    self.postMessage({ id, isRight } satisfies PasswordAnswer);
  },
);
