/**
 * What a module may export as its app (PAGI.md 7).
 *
 * @module
 */

import { OptionError } from "../options/option_error.ts";
import { quote } from "../options/quote.ts";
import type { PagiApp } from "../pagi/types.ts";
import type { Pairs } from "./app_spec.ts";
import { fetchApp } from "./fetch_app.ts";
import type { FetchHandler } from "./fetch_app.ts";
import { LoadError } from "./load_error.ts";

/** What can be made an app, for messages. */
export const ACCEPTED =
  "a function (scope, receive, send), a class or object with toApp(), or a fetch handler { fetch }";

/** A class, seen from outside. */
type AppClass = new (options: Pairs) => object;

/**
 * Makes `value`, the default export of the module called `label`, an app:
 *
 * - a class is constructed with `pairs`, and its `toApp()` called;
 * - any other function is the app;
 * - of an object, `toApp()` is called, or `fetch()` becomes the app.
 *
 * Throws {@linkcode LoadError} when it is none of these or throws itself, and
 * {@linkcode OptionError} when it is no class and there are pairs, or when the
 * constructor throws that.
 */
export function appFromExport(
  value: unknown,
  pairs: Pairs,
  label: string,
): PagiApp {
  if (isClass(value)) return toApp(construct(value, pairs, label), label);
  const app = appWithoutOptions(value, label);
  const [key] = Object.keys(pairs);
  if (key !== undefined) {
    const pair = quote(`${key}=${pairs[key]}`);
    throw new OptionError(
      `${label} takes no options such as ${pair}: its app is no class`,
    );
  }
  return app;
}

function appWithoutOptions(value: unknown, label: string): PagiApp {
  if (typeof value === "function") return value as PagiApp;
  if (typeof value === "object" && value !== null) {
    // "in", because some routers answer every property they are asked for.
    if ("toApp" in value) return toApp(value, label);
    if ("fetch" in value && typeof value.fetch === "function") {
      return fetchApp(value as FetchHandler);
    }
  }
  throw new LoadError(
    `The app of ${label} is ${describe(value)}. It must be ${ACCEPTED}.`,
  );
}

/** The `prototype` of a class cannot be assigned, that of a function can. */
function isClass(value: unknown): value is AppClass {
  if (typeof value !== "function") return false;
  const prototype = Object.getOwnPropertyDescriptor(value, "prototype");
  return prototype !== undefined &&
    (!prototype.writable || typeof prototype.value?.toApp === "function");
}

function construct(App: AppClass, pairs: Pairs, label: string): object {
  try {
    return new App(pairs);
  } catch (error) {
    if (error instanceof OptionError) throw error;
    throw new LoadError(`The constructor of ${label} failed.`, error);
  }
}

function toApp(object: object, label: string): PagiApp {
  if (!("toApp" in object) || typeof object.toApp !== "function") {
    throw new LoadError(`${label} has no method toApp() that gives its app.`);
  }
  let app: unknown;
  try {
    app = object.toApp();
  } catch (error) {
    throw new LoadError(`toApp() of ${label} failed.`, error);
  }
  if (typeof app === "function") return app as PagiApp;
  const hint = app instanceof Promise
    ? " It cannot be async: set things up in lifespan.startup."
    : "";
  throw new LoadError(
    `toApp() of ${label} gives ${describe(app)}, not an app function.${hint}`,
  );
}

/** Names a value: "a string", "null", "an object of class Foo". */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = value.constructor?.name;
  if (name !== undefined && name !== "Object") {
    return `an object of class ${name}`;
  }
  const keys = Object.keys(value);
  return keys.length === 0
    ? "an empty object"
    : `an object with ${keys.slice(0, 8).join(", ")}`;
}
