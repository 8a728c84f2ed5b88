/**
 * By which version of HTTP a request came, which the engine does not tell.
 *
 * @module
 */

/**
 * Asks the stack for the engine's way to the handler, which only HTTP/1 takes:
 * slow, about 0.2 ms. To be called before the handler first awaits.
 */
export function isHttp1(): boolean {
  const trace: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  Error.captureStackTrace(trace);
  Error.stackTraceLimit = limit;
  return trace.stack?.includes("nativeDispatch") ?? false;
}
