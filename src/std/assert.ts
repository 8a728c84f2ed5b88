/**
 * Assertions for the tests.
 *
 * @module
 */

// @ts-types="./assert.d.ts"
export * from "@std/assert";
