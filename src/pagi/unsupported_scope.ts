/** The error of an app that takes no scopes of a type. */

/**
 * What the server's own apps throw on a scope that they do not support, as
 * PAGI.md 1 asks for. It is expected that such an app has no
 * lifespan, while another error on that scope may be.
 */
export class UnsupportedScope extends Error {
  override readonly name = "UnsupportedScope";

  /** @param app Names the app at the start of a sentence. */
  constructor(app: string, type: string) {
    super(`${app} does not support scopes of type ${type}.`);
  }
}
