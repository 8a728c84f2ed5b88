/**
 * Arrays of bytes.
 *
 * @module
 */

// @ts-types="./bytes.d.ts"
export { concat } from "@std/bytes/concat";
