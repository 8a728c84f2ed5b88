/**
 * Lines of a stack trace that help the author of an app, and those that do not.
 *
 * @module
 */

/** Where the modules of the server are; in the executable all are below it. */
const SERVER = new URL("../", import.meta.url).href;
const ENGINE = /\bext:/;

/** Tells whether a line of a stack is of the server's code, not of the app's. */
export function isServerFrame(line: string): boolean {
  return line.includes(SERVER);
}

/**
 * Leaves the frames of the server and of the engine out of the lines of an
 * error as `Deno.inspect` prints it. All stay where no others would be left:
 * then the fault is the server's.
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
