/** What a module may export as its app (PAGI.md 7). */

import { OptionError, quote } from "../options/option_error.ts";
import type { PagiApp } from "../pagi/types.ts";
import type { Pairs } from "./app_spec.ts";
import { fetchApp } from "./fetch_app.ts";
import type { FetchHandler } from "./fetch_app.ts";
import {
  fetchObjectApp,
  isFetchObject,
  parameterNames,
} from "./fetch_object.ts";
import { LoadError } from "./load_error.ts";

/** What can be made an app, for messages. */
export const ACCEPTED =
  "a function (scope, receive, send), a fetch handler, which is (request) => Response or { fetch }, or a class or object with toApp()";

/** A class, seen from outside. */
type AppClass = new (options: Pairs) => object;

/**
 * Makes `value`, the default export of the module called `label`, an app:
 *
 * - a class is constructed with `pairs`, and its instance is what follows;
 * - a function of three parameters is the app; one with fewer, and an object
 *   with `fetch()`, is a fetch handler, and that object may have `startup()`
 *   and `shutdown()`;
 * - of an object with `toApp()`, what that gives is one of these two.
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
  const whose = `The app of ${label}`;
  if (isClass(value)) {
    const object = construct(value, pairs, label);
    const app = appFromObject(object, label) ?? runnable(object, whose);
    if (app !== null) return app;
    throw new LoadError(
      `${label} has no method toApp() that returns its app, and no fetch().`,
    );
  }
  const app = appFromObject(value, label) ?? runnable(value, whose);
  if (app === null) {
    const hint = value instanceof Promise
      ? " Await it: export default await …"
      : "";
    throw new LoadError(
      `${whose} is ${describe(value)}. It must be ${ACCEPTED}.${hint}`,
    );
  }
  const [key] = Object.keys(pairs);
  if (key !== undefined) {
    const pair = quote(`${key}=${pairs[key]}`);
    throw new OptionError(
      `${label} takes no options such as ${pair}: its app is not a class`,
    );
  }
  return app;
}

/** What `toApp()` of an object gives, as an app; null without that method. */
function appFromObject(value: unknown, label: string): PagiApp | null {
  if (!hasToApp(value)) return null;
  if (typeof value.toApp !== "function") {
    throw new LoadError(`${label} has no method toApp() that returns its app.`);
  }
  let given: unknown;
  try {
    given = value.toApp();
  } catch (error) {
    throw new LoadError(`toApp() of ${label} failed.`, error);
  }
  const app = runnable(given, `What toApp() of ${label} gives`);
  if (app !== null) return app;
  const hint = given instanceof Promise
    ? " It cannot be async: set things up in lifespan.startup."
    : "";
  throw new LoadError(
    `toApp() of ${label} gives ${
      describe(given)
    }, which is neither an app function nor a fetch handler.${hint}`,
  );
}

function hasToApp(value: unknown): value is { toApp: unknown } {
  // "in", because some routers answer every property they are asked for.
  return typeof value === "object" && value !== null && "toApp" in value;
}

/**
 * A function or a fetch handler as an app; null for all else.
 *
 * @throws {LoadError} For what other servers take for an app.
 */
function runnable(value: unknown, whose: string): PagiApp | null {
  if (isFetchObject(value)) return fetchObjectApp(value);
  if (isForNode(value)) {
    throw new LoadError(
      `${whose} is made for Node's own HTTP server. Export it as default, not by toApp().`,
    );
  }
  if (!isFunction(value)) return null;
  if (value.length >= 3 || takesAny(value)) return value as PagiApp;
  const [first = ""] = parameterNames(value);
  if (/^_?scope$/.test(first)) {
    throw new LoadError(
      `${whose} takes a ${first}, as a PAGI app, but not all of (scope, receive, send): with fewer than three parameters, not counting from the first with a default value, a function is a fetch handler. Name all three.`,
    );
  }
  if (first === "" && TAKES_SCOPE.test(String(value))) {
    const wait = value.constructor.name === "AsyncFunction" ? "await " : "";
    throw new LoadError(
      `${whose} is a function without parameters that seems to make the app. Export what it returns, as in: export default ${wait}createApp()`,
    );
  }
  return fetchApp({ fetch: value as FetchHandler["fetch"] });
}

/** A function (scope, …) within the code of another. */
const TAKES_SCOPE = /\(\s*_?scope\s*,/;

/** Whether `value` has one of the forms of an app. */
export function isApp(value: unknown): boolean {
  return isFetchObject(value) || hasToApp(value) ||
    isFunction(value) && !isForNode(value);
}

/** What Express, Koa, Fastify and others make: it has `listen()`, or takes (req, res). */
export function isForNode(value: unknown): value is object {
  return isObject(value) && "listen" in value && isFunction(value.listen) ||
    isFunction(value) && (/^_?res(?:ponse)?$/.test(parameterNames(value)[1]) ||
        takesAny(value) && SPREADS_RES.test(String(value)));
}

/** What Express must not see, in functions of its middleware (as of Astro). */
const SPREADS_RES = /\[\s*_?req(?:uest)?\s*,\s*_?res(?:ponse)?\b/;

function isObject(value: unknown): value is object {
  return typeof value === "function" ||
    typeof value === "object" && value !== null;
}

// deno-lint-ignore ban-types -- any function, whatever it takes
function isFunction(value: unknown): value is Function {
  return typeof value === "function";
}

/** True of a function that hands on what it gets: `(...args)`, `arguments`. */
// deno-lint-ignore ban-types -- any function, whatever it takes
function takesAny(value: Function): boolean {
  return value.length === 0 &&
    /^[^(]*\(\s*\.\.\.|\barguments\b|\[native code\]/.test(
      Function.prototype.toString.call(value),
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
