/** Filters stack traces for the authors of apps. */

/** The server's modules; in the executable all modules are below it. */
const SERVER = new URL("../", import.meta.url).href;
const ENGINE = /\bext:/;

/** Whether a line of a stack belongs to the server, not to the app. */
export function isServerFrame(line: string): boolean {
  return line.includes(SERVER);
}

/**
 * Removes the frames of the server and the engine from an error printed by
 * `Deno.inspect`, unless no others would be left: then it is the server's fault.
 */
export function withoutServerFrames(lines: readonly string[]): string[] {
  const isFrame = (line: string): boolean => /^\s+at /.test(line);
  const isOfOthers = (line: string): boolean =>
    !isServerFrame(line) && !ENGINE.test(line);
  if (!lines.some((line) => isFrame(line) && isOfOthers(line))) {
    return [...lines];
  }
  return lines.filter((line) => !isFrame(line) || isOfOthers(line));
}
