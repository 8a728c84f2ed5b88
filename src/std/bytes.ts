/** Arrays of bytes. */

// @ts-types="./bytes.d.ts"
export { concat } from "@std/bytes/concat";
