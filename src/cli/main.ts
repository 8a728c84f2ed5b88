/**
 * The program without what `main.ts` offers to those who import it. The
 * executable starts here: a health check by it then loads no server.
 */

import { runProcess } from "./run.ts";

runProcess();
