/**
 * What an app hears when it breaks the protocol in development.
 *
 * @module
 */

/** A use of the protocol that a server would tolerate in silence. */
export class LintError extends Error {
  override readonly name = "LintError";

  /**
   * @param what What was sent or done.
   * @param rule What the protocol asks for.
   * @param source Where that stands: `PAGI.md 3.3`.
   */
  constructor(what: string, rule: string, source: string) {
    super(`${what}; ${rule} (${source}).`);
    // Where the lint is in its own code helps nobody.
    this.stack = String(this);
  }
}
