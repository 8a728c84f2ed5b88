/**
 * What the server uses of Deno's insides, one thing at a time.
 *
 * @module
 */

import { log } from "../log/log.ts";

/** What is said of a door. */
export interface DoorFacts {
  /** What is used of Deno, in two or three words. */
  readonly name: string;
  /** What the server has by it, which no public API offers. */
  readonly gives: string;
  /** What is lost where it is shut. */
  readonly otherwise: string;
  /** The issue that would make it needless, or the source file it stands on. */
  readonly source: string;
}

const all = new Map<string, Door>();

/**
 * One thing that is private to Deno, so that an update may change it. It is
 * used while its door is open; the public way serves otherwise.
 */
export class Door implements DoorFacts {
  readonly name: string;
  readonly gives: string;
  readonly otherwise: string;
  readonly source: string;
  #open: boolean;
  #warned = false;

  /**
   * @param hasShape Whether this Deno has what is used, in the shape in which
   * it is used; to throw means no.
   */
  constructor(facts: DoorFacts, hasShape: () => boolean) {
    this.name = facts.name;
    this.gives = facts.gives;
    this.otherwise = facts.otherwise;
    this.source = facts.source;
    this.#open = holds(hasShape);
    all.set(this.name, this);
  }

  /** False: the public way serves. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Shuts it where it turns out that this Deno has another shape. */
  check(hasShape: () => boolean): void {
    this.#open &&= holds(hasShape);
  }

  /** Something has another shape than was found at first: says so, once. */
  misfit(): void {
    if (this.#warned) return;
    this.#warned = true;
    log.warn(
      `Deno ${Deno.version.deno} does not give the server its ${this.name} as expected: ${this.otherwise}.`,
    );
  }

  /** Shuts or opens it whatever Deno has: for tests and measurements. */
  set(open: boolean): void {
    this.#open = open;
  }
}

/** The doors of all modules that are loaded. */
export function loadedDoors(): readonly Door[] {
  return [...all.values()];
}

/**
 * Shuts a door for a test, until what is returned is disposed of.
 *
 * @throws {TypeError} When no module that is loaded has a door of that name.
 */
export function shutDoor(name: string): Disposable {
  const door = all.get(name);
  if (door === undefined) throw new TypeError(`There is no door "${name}".`);
  const before = door.isOpen;
  door.set(false);
  return { [Symbol.dispose]: () => door.set(before) };
}

/**
 * The symbol under which `target` itself holds something; undefined if none.
 */
export function symbolOf(
  target: object,
  description: string,
): symbol | undefined {
  return Object.getOwnPropertySymbols(target).find((symbol) =>
    symbol.description === description
  );
}

function holds(hasShape: () => boolean): boolean {
  try {
    return hasShape();
  } catch {
    return false;
  }
}
