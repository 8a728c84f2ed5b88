/**
 * Loads what looks at kept files: it stays loaded, and is not to be counted as
 * the leak of the first test that has a file kept.
 *
 * @module
 */

import { FileLook } from "../../src/system/file_look.ts";

new FileLook(".", Deno.statSync("."));
