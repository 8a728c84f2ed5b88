/** What a promise has been fulfilled with, without waiting for it. */

import { Door } from "./door.ts";

/** A promise's state and its result. */
type Details = readonly [state: number, result?: unknown];
type GetDetails = (promise: Promise<unknown>) => Details;

const FULFILLED = 1;
/** So many promises are not looked at after one that was still pending. */
const PAUSE = 32;

/** `Deno[Deno.internal].core.getPromiseDetails`; undefined if it is missing. */
function findGetDetails(): GetDetails | undefined {
  let found: unknown = Deno;
  for (const key of [Reflect.get(Deno, "internal"), "core"]) {
    found = Object(found)[key as string];
  }
  return Object(found).getPromiseDetails;
}

const getDetails = findGetDetails();

const RESULTS = new Door({
  name: "promise results",
  gives: "what an async handler returns that had nothing to wait for, at once",
  otherwise: "answers of async handlers take longer",
  source: "denoland/deno libs/core/01_core.js, getPromiseDetails",
}, () => {
  const [state, result] = getDetails!(Promise.resolve("result"));
  return state === FULFILLED && result === "result" &&
    getDetails!(new Promise(() => {}))[0] !== FULFILLED;
});

/** Promises that are not looked at. */
let paused = 0;

/**
 * The result of a promise that is fulfilled already; undefined otherwise.
 *
 * A look takes the engine 0.2 µs, a third of what waiting does. Handlers that
 * wait mostly do so again, so after one that does the next are not looked at.
 */
export function resultOf(promise: Promise<unknown>): unknown {
  if (paused > 0) paused--;
  else if (RESULTS.isOpen) {
    const details = getDetails!(promise);
    if (details[0] === FULFILLED) return details[1];
    paused = PAUSE;
  }
  return undefined;
}
