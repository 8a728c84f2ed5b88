/**
 * Modules of Node, each loaded when something of it is first used: the first
 * one brings most of the others, which takes as long as a whole bare server.
 *
 * @module
 */

interface Modules {
  "node:buffer": typeof import("node:buffer");
  "node:crypto": typeof import("node:crypto");
  "node:fs": typeof import("node:fs");
  "node:module": typeof import("node:module");
  "node:zlib": typeof import("node:zlib");
}

const loaded: { [Name in keyof Modules]?: Modules[Name] } = {};

/** The module of that name. */
export function node<Name extends keyof Modules>(name: Name): Modules[Name] {
  return loaded[name] ??= globalThis.process.getBuiltinModule(name);
}
