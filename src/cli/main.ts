/**
 * The program of the executable, beside the other entries that it is made of.
 */

import { runProcess } from "./run.ts";

runProcess();
