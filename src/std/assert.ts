/** Assertions for the tests. */

// @ts-types="./assert.d.ts"
export * from "@std/assert";
