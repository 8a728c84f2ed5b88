/** A door: one thing that the server uses of Deno's internals. */

import { log } from "../log/log.ts";

/** What users see of a door. */
interface DoorFacts {
  /** The part of Deno, in two or three words. */
  readonly name: string;
  /** What the server can do with it, and with no public API. */
  readonly gives: string;
  /** What is lost while the door is shut. */
  readonly otherwise: string;
  /** The issue that asks for a public API, or the source file of that part. */
  readonly source: string;
}

const all = new Map<string, Door>();

/**
 * Something private to Deno, which an update of Deno may change. The server uses
 * it while its door is open, and a public API otherwise.
 */
export class Door {
  /** False where the server has to use a public API instead. */
  isOpen: boolean;
  #warned = false;

  /**
   * @param hasShape True when this Deno has it in the shape in which the server
   * uses it; false or an error shuts the door.
   */
  constructor(readonly facts: DoorFacts, hasShape: () => boolean) {
    this.isOpen = holds(hasShape);
    all.set(facts.name, this);
  }

  /** Shuts the door if a later check fails. */
  check(hasShape: () => boolean): void {
    this.isOpen &&= holds(hasShape);
  }

  /** Warns, once, that something has another shape than at the first check. */
  misfit(): void {
    if (this.#warned) return;
    this.#warned = true;
    const { name, otherwise } = this.facts;
    log.warn(
      `Deno ${Deno.version.deno} does not provide its ${name} as expected: ${otherwise}.`,
    );
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
  door.isOpen = false;
  return { [Symbol.dispose]: () => void (door.isOpen = before) };
}

/** The own symbol of `target` with that description; undefined if none. */
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
