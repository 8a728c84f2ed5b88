/**
 * TOML, in which configuration files are written.
 *
 * @module
 */

// @ts-types="./toml.d.ts"
export { parse as parseToml } from "@std/toml/parse";
