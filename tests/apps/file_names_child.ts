/**
 * Asks the app File for paths beneath a folder, and prints the statuses. To be
 * run without the permission for FFI.
 *
 * @module
 */

import { FileApp } from "../../src/apps/file.ts";
import { runApp } from "../helpers/run_app.ts";

const [root, ...targets] = Deno.args;
const app = new FileApp({ root }).toApp();
for (const target of targets) {
  console.log((await runApp(app, { target })).status);
}
