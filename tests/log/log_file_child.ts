/**
 * Writes an access log as its arguments say, for `log_file_test.ts`.
 *
 * @module
 */

import { configureLog } from "../../src/log/log.ts";
import { lineFile } from "./log_file_folder.ts";

const [act, path, name] = Deno.args;

const acts: Record<string, () => void | Promise<void>> = {
  /** One of several that write to the same file. */
  async lines(): Promise<void> {
    const file = lineFile(path);
    for (let i = 0; i < 4000; i++) {
      file.write(`${name} ${i} ${name.repeat(i % 200)}`);
      if (i % 100 === 0) await new Promise((resume) => setTimeout(resume));
    }
    await file.close();
  },
  async stream(): Promise<void> {
    const file = lineFile(path ?? null);
    for (let i = 0; i < 5000; i++) {
      file.write(`line ${i} ${"x".repeat(i % 100)}`);
    }
    await file.close();
  },
  /** Has nothing more to do, and does not close. */
  idle(): void {
    lineFile(path).write("the last line");
  },
  exit(): void {
    const file = lineFile(path);
    file.write("the last line");
    file.flushSync();
    Deno.exit(0);
  },
  /** Runs where no file may grow beyond 8 KiB. */
  async torn(): Promise<void> {
    const told: string[] = [];
    configureLog({ level: "info", write: (text) => told.push(text) });
    const file = lineFile(path);
    for (let i = 0; i < 100; i++) file.write(`${i} `.padEnd(97, "x"));
    await file.reopen();
    file.write("lost");
    await file.reopen();
    Deno.truncateSync(path, 500);
    file.write("whole");
    await file.close();
    console.log(JSON.stringify(told));
  },
};

await acts[act]();
