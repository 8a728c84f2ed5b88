/**
 * Projects as people have them, without anything to fetch.
 *
 * @module
 */

/** Files by their paths, as a program's folder takes them. */
export type Files = Readonly<Record<string, string>>;

/** A fetch handler that answers with what `expression` gives. */
export function answering(expression: string, imports = ""): string {
  return `${imports}
export default { fetch: () => new Response(String(${expression})) };
`;
}

/** Names an export of each entry of the server, imported in several ways. */
const OWN_ENTRIES = `import { publish } from "@pagi/server/channels";
  import { FileApp } from "@pagi/server/apps";
  import type {} from "@pagi/server/types";
  const { cors } = await import("@pagi/server/middleware");
  const names = [publish, FileApp, cors].map((value) => value.name).join();`;

/** An app that answers with these names, in a project that declares nothing. */
export const OWN_ENTRIES_APP: Files = {
  "app.ts": `${OWN_ENTRIES} export default () => new Response(names);`,
  "deno.json": "{}",
};

/** Arguments for that app, and for the same in code of `-M` and `-e`. */
export const OWN_ENTRIES_ARGS: readonly string[][] = [
  ["./app.ts"],
  [
    "-M",
    "@pagi/server/middleware",
    "-e",
    OWN_ENTRIES.replace(/import type.*/, "").replace(
      /^.*await import.*$/m,
      "",
    ) +
    "\nreturn cors && (() => new Response(names));",
  ],
];

/** A package of npm in `node_modules`, or in another folder. */
export function installed(
  name: string,
  manifest: object,
  files: Files,
  folder = "node_modules",
): Files {
  const entries = Object.entries({
    "package.json": JSON.stringify({ name, version: "1.0.0", ...manifest }),
    ...files,
  });
  return Object.fromEntries(
    entries.map(([path, text]) => [`${folder}/${name}/${path}`, text]),
  );
}

/** Packages of both module systems, as npm installs them. */
export const NODE_MODULES: Files = {
  ...installed("old-style", { main: "./lib/main" }, {
    "lib/main.js": `const { deep } = require("./deep");
const data = require("../data.json");
module.exports = function old() { return "cjs " + deep + data.n + typeof __dirname; };
module.exports.Router = class Router {};
`,
    "lib/deep.js": `exports.deep = require("dependency").word;`,
    "data.json": `{ "n": 1 }`,
  }),
  ...installed("dependency", {}, { "index.js": `exports.word = "deep ";` }),
  ...installed("@scope/modern", {
    type: "module",
    exports: {
      ".": { browser: "./no.js", require: "./no.cjs", import: "./main.mjs" },
      "./parts/*": "./src/*.js",
    },
    imports: { "#inner": "./src/inner.js" },
  }, {
    "main.mjs": `import inner from "#inner";
import old, { Router } from "old-style";
export const modern = "esm " + inner + " " + old() + " " + typeof Router;
`,
    "src/inner.js": `export default "inner";`,
    "src/part.js": `export const part = "part";`,
  }),
};

const JSX =
  `export const jsx = (tag, { children }) => \`<\${tag}>\${children}</\${tag}>\`;
export const jsxs = jsx;
`;

/** What {@linkcode PACKAGE_PROJECT} answers. */
export const PACKAGE_ANSWER =
  "esm inner cjs deep 1string function,part,cjs deep 1string,own,42,text,<b>3</b>";

/** A project with `package.json`, in TypeScript as it is written for Node. */
export const PACKAGE_PROJECT: Files = {
  "package.json": JSON.stringify({
    type: "module",
    dependencies: { "old-style": "^1.0.0", "@scope/modern": "^1.0.0" },
    imports: { "#own": "./src/own.ts" },
  }),
  ...NODE_MODULES,
  ...installed("html", {
    type: "module",
    exports: { "./jsx-runtime": "./jsx.js" },
  }, { "jsx.js": JSX }),
  "tsconfig.json": `{
    // Beside it, "strict" changes nothing.
    "compilerOptions": { "strict": true, "jsx": "react-jsx", "jsxImportSource": "html" },
  }`,
  "src/view.tsx": `export const view: string = <b>{3}</b>;`,
  "src/own.ts": `export const own: string = "own";`,
  "data.json": `{ "n": 42 }`,
  "note.txt": "text",
  "app.ts": answering(
    "[modern, part, old(), own, data.n, text, view]",
    `import { modern } from "@scope/modern";
import { part } from "@scope/modern/parts/part";
import old, { Router } from "old-style";
import { own } from "#own";
import data from "./data.json" with { type: "json" };
import text from "./note.txt" with { type: "text" };
import { view } from "./src/view";
interface Unused { router: Router }
`,
  ),
};

/** What {@linkcode DENO_PROJECT} answers. */
export const DENO_ANSWER = "hono of the project,scoped,alias,<b>3</b>";

/** A project with `deno.json`: names, scopes, an alias and JSX. */
export const DENO_PROJECT: Files = {
  "deno.jsonc": `{
    // The first is a name that the server has for itself.
    "imports": {
      "hono": "./vendor/hono.ts",
      "@/": "./src/",
      "jsx/jsx-runtime": "./src/jsx.js",
    },
    "scopes": { "./src/inner/": { "hono": "./vendor/scoped.ts" } },
    "compilerOptions": { "jsx": "react-jsx", "jsxImportSource": "jsx" }
  }`,
  "vendor/hono.ts": `export default "hono of the project" as string;`,
  "vendor/scoped.ts": `export default "scoped" as string;`,
  "src/jsx.js": JSX,
  "src/inner/name.ts": `export { default } from "hono";`,
  "src/alias.ts": `export const alias: string = "alias";`,
  "app.tsx": answering(
    "[hono, scoped, alias, <b>{3}</b>]",
    `import hono from "hono";
import scoped from "./src/inner/name.ts";
import { alias } from "@/alias.ts";`,
  ),
};

/** Puts each path of `files` below `folder`. */
export function below(folder: string, files: Files): Files {
  return Object.fromEntries(
    Object.entries(files).map(([path, text]) => [`${folder}/${path}`, text]),
  );
}
