/**
 * The package `@pagi/server`.
 *
 * Run, it is the program of `main.ts`. Imported, it starts nothing and offers
 * what `@pagi/server/server` does.
 *
 * @module
 */

import { runProcess } from "./src/cli/run.ts";

export * from "./src/server/mod.ts";

if (import.meta.main) runProcess();
