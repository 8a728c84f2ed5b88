/** What was noted, and who wants to hear of more. */
export class Board {
  readonly notes: string[] = [];
  readonly #listeners = new Set<(note: string) => void>();

  add(note: string): number {
    for (const tell of this.#listeners) tell(note);
    return this.notes.push(note);
  }

  /** Calls `tell` with each new note, until the function given is called. */
  listen(tell: (note: string) => void): () => void {
    this.#listeners.add(tell);
    return () => this.#listeners.delete(tell);
  }
}
