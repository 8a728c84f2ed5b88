/**
 * Signals, where the system has them.
 *
 * @module
 */

/** A signal that the server listens to. */
export type ServerSignal =
  | "SIGTERM"
  | "SIGINT"
  | "SIGHUP"
  | "SIGTTIN"
  | "SIGTTOU"
  | "SIGUSR1"
  | "SIGUSR2";

/**
 * Calls `handler` for each of `signals` that this system knows, until the
 * returned function is called.
 */
export function onSignals(
  signals: readonly ServerSignal[],
  handler: (signal: ServerSignal) => void,
): () => void {
  const removals = signals.flatMap((signal) => {
    const listener = () => handler(signal);
    try {
      Deno.addSignalListener(signal, listener);
    } catch {
      return []; // Windows knows SIGINT and SIGHUP alone.
    }
    return [() => Deno.removeSignalListener(signal, listener)];
  });
  return () => {
    for (const remove of removals) remove();
  };
}
