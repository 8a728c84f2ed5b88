/** JSON with comments, as configurations of Deno are written. */

// @ts-types="./jsonc.d.ts"
export { parse as parseJsonc } from "@std/jsonc/parse";
