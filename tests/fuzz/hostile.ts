/**
 * Texts and values that hurt.
 *
 * @module
 */

import type { Random } from "./random.ts";

/** Pieces of text that mean something to somebody. */
export const PIECES: readonly string[] = [
  ..."aZ09-_.~!$&'()*+,;=:@/?#[]%\"\\<>{}|^` ",
  "\t",
  "\0",
  "\r",
  "\n",
  "\r\n",
  "\x1b[31m",
  "\x7f",
  "\x80",
  "\xff",
  "é",
  "\u2028",
  "\u202e",
  "\ufeff",
  "😀",
  "\ud800",
  "\udc00",
  "../",
  "%2e%2e%2f",
  "%00",
  "%0d%0a",
  "%FF",
  "://",
  "::",
  "__proto__",
  "constructor",
  "x".repeat(200),
];

/** The pieces that are one byte per code unit. */
export const BYTE_PIECES: readonly string[] = PIECES.filter((piece) =>
  /^[\0-\xff]*$/.test(piece)
);

/** A text of hostile pieces. */
export function hostileText(random: Random, most = 12): string {
  return random.text(PIECES, most);
}

/** What a trap throws. */
export class Sprung extends Error {
  constructor() {
    super("A trap was sprung.");
  }
}

const spring = (): never => {
  throw new Sprung();
};

/** An object that throws whatever is done with it. */
function mine(): unknown {
  return new Proxy({}, {
    get: spring,
    has: spring,
    ownKeys: spring,
    getOwnPropertyDescriptor: spring,
    getPrototypeOf: spring,
  });
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** A value of any type. */
export function oddValue(random: Random): unknown {
  return random.one<unknown>(
    () => undefined,
    () => null,
    () => random.once(2),
    () => random.below(3),
    () => random.below(2 ** 32),
    () => -1 - random.below(5),
    () => random.below(100) / 7,
    () => random.pick([NaN, Infinity, -Infinity, -0, 5e-324, 1.8e308, 2 ** 53]),
    () => random.pick([0n, -1n, 2n ** 100n]),
    () => random.pick([Symbol(), Symbol.iterator, Symbol("\n")]),
    () => "",
    () => hostileText(random),
    () => "x".repeat(random.below(100_000)),
    () => random.bytes(300),
    () => new ArrayBuffer(random.below(20)),
    () => new DataView(new ArrayBuffer(4)),
    () => new Uint16Array(3),
    () => new Date(NaN),
    () => new String("x"),
    () => new Number(3),
    () => [],
    () => [[]],
    () => new Array(random.below(1000)),
    () => random.list(5, () => random.below(9)),
    () => ({}),
    () => Object.create(null),
    () => Object.freeze({ length: 2, 0: "a", 1: "b" }),
    () => () => {},
    () => class {},
    () => new Map(),
    () => Promise.resolve(1),
    () => new Error("\n"),
    () => mine(),
    () => revoked(),
    () => ({ toString: spring, valueOf: spring }),
    () => ({
      get [Symbol.toStringTag]() {
        return spring();
      },
    }),
    () => ({ [Symbol.toPrimitive]: spring }),
    () => ({ toString: () => "\r\nx: y" }),
  );
}
