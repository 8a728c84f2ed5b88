/**
 * Variables by which processes of this program tell each other something.
 *
 * @module
 */

/**
 * Reads a variable and removes it: it is not for the programs of apps. Null
 * when it is not set, or may not be read.
 */
export function takeVariable(variable: string): string | null {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  const text = state === "granted" ? Deno.env.get(variable) : undefined;
  if (text === undefined) return null;
  Deno.env.delete(variable);
  return text;
}
