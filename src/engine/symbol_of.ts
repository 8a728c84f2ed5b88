/**
 * What the engine's WebSocket hides.
 *
 * @module
 */

/** The symbol under which `target` itself holds something; undefined if none. */
export function symbolOf(
  target: object,
  description: string,
): symbol | undefined {
  return Object.getOwnPropertySymbols(target).find((symbol) =>
    symbol.description === description
  );
}
