/**
 * The program: `pagi-server [options] [app] [key=value ...]`.
 *
 * It loads the server when there is one to start; a health check has none.
 *
 * @module
 */

import { runProcess } from "./src/cli/run.ts";

if (import.meta.main) runProcess();
