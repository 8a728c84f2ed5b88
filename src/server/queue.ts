/**
 * A queue.
 *
 * @module
 */

/**
 * First in, first out. Unlike the `shift` of a long array, taking an item
 * takes no longer for more that wait.
 */
export class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #taken = 0;

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#taken;
  }

  /** Adds an item behind the others. */
  push(item: Item): void {
    this.#items.push(item);
  }

  /** Takes the first item; undefined when none waits. */
  shift(): Item | undefined {
    const items = this.#items;
    if (this.#taken === items.length) return undefined;
    const item = items[this.#taken];
    items[this.#taken++] = undefined;
    // What was taken goes once there is no more to move than that.
    if (2 * this.#taken >= items.length) {
      this.#items = items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }
}
