/**
 * A process that a test did not start itself, but something that it started.
 *
 * @module
 */

import { until } from "./wait.ts";

/** A process known by its number. Disposing of it kills it (Linux). */
export class OtherProcess implements AsyncDisposable {
  constructor(readonly pid: number) {}

  signal(signal: Deno.Signal): void {
    Deno.kill(this.pid, signal);
  }

  /** False once it has ended, whether or not anybody has asked how. */
  get runs(): boolean {
    try {
      const stat = Deno.readTextFileSync(`/proc/${this.pid}/stat`);
      return !/\) [ZX] /.test(stat);
    } catch {
      return false;
    }
  }

  /** Resolves when it has ended. */
  ended(): Promise<void> {
    return until(() => !this.runs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.runs) this.signal("SIGKILL");
    await this.ended();
  }
}
