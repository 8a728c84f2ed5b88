/**
 * One thing that the server uses of Deno's internals.
 *
 * @module
 */

import { log } from "../log/log.ts";

/** What people are told of a door. */
interface DoorFacts {
  /** What is used of Deno, in two or three words. */
  readonly name: string;
  /** What the server can do with it, and with no public API. */
  readonly gives: string;
  /** What is lost where it is shut. */
  readonly otherwise: string;
  /** The issue that asks for a public API, or the source file that it uses. */
  readonly source: string;
}

const all = new Map<string, Door>();

/**
 * Something private to Deno, which an update of Deno may change. While its door
 * is open the server uses it, and otherwise a public API.
 */
export class Door implements DoorFacts {
  readonly name: string;
  readonly gives: string;
  readonly otherwise: string;
  readonly source: string;
  #open: boolean;
  #warned = false;

  /**
   * @param hasShape Tells whether this Deno has it, in the shape in which the
   * server uses it; to throw means no.
   */
  constructor(facts: DoorFacts, hasShape: () => boolean) {
    this.name = facts.name;
    this.gives = facts.gives;
    this.otherwise = facts.otherwise;
    this.source = facts.source;
    this.#open = holds(hasShape);
    all.set(this.name, this);
  }

  /** False where the server has to use a public API instead. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Shuts the door if a later check fails. */
  check(hasShape: () => boolean): void {
    this.#open &&= holds(hasShape);
  }

  /** Warns, once, that something has another shape than at the first check. */
  misfit(): void {
    if (this.#warned) return;
    this.#warned = true;
    log.warn(
      `Deno ${Deno.version.deno} does not give the server its ${this.name} as expected: ${this.otherwise}.`,
    );
  }

  /** Opens or shuts the door without a check: for tests and measurements. */
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
