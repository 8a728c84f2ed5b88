/**
 * The promise of a `send` that is watched.
 *
 * @module
 */

/**
 * A promise that tells whether anybody waits for it. To everybody else it is
 * an ordinary one; what derives from it is one indeed.
 */
export class Sending extends Promise<void> {
  /** Called when somebody starts to wait. */
  onAwaited: (() => void) | null = null;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  override then<Value = void, Caught = never>(
    onFulfilled?: ((value: void) => Value | PromiseLike<Value>) | null,
    onRejected?: ((reason: unknown) => Caught | PromiseLike<Caught>) | null,
  ): Promise<Value | Caught> {
    this.onAwaited?.();
    return super.then(onFulfilled, onRejected);
  }
}
