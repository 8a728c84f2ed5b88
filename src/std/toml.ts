/** TOML, in which configuration files are written. */

// @ts-types="./toml.d.ts"
export { parse as parseToml } from "@std/toml/parse";
