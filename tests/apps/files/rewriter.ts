/**
 * A worker that gives a file new versions, with a pause of 0.1 s now and then, until
 * it is told to stop. Each version is its number, again and again.
 *
 * @module
 */

/** To the worker: the file and two counts, then "stop". */
interface Order {
  path: string;
  /** The versions begun, and those that are there. */
  counts: Int32Array;
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Order | "stop">) => void;
  postMessage(message: "stopped"): void;
};

let stopped = false;

scope.onmessage = ({ data }) => {
  if (data === "stop") {
    stopped = true;
    scope.postMessage("stopped");
    return;
  }
  const { path, counts } = data;
  const rewrite = () => {
    const version = Atomics.add(counts, 0, 1) + 1;
    const text = `${version} `.repeat(1 + version % 500);
    Deno.writeTextFileSync(`${path}.new`, text);
    Deno.renameSync(`${path}.new`, path);
    Atomics.store(counts, 1, version);
    if (!stopped) setTimeout(rewrite, version % 10 === 0 ? 100 : 0);
  };
  rewrite();
};
