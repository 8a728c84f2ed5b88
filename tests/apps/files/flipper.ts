/**
 * A worker that exchanges the folder `flip` of a tree for the link `flip.link`
 * and back, as fast as it can, until it is told to stop.
 *
 * @module
 */

/** To the worker: the tree's path, then "stop". */
const scope = self as unknown as {
  onmessage: (event: MessageEvent<string>) => void;
  postMessage(message: "flipping" | "stopped"): void;
};

let flipping = true;

scope.onmessage = ({ data }) => {
  if (data === "stop") {
    flipping = false;
    scope.postMessage("stopped");
    return;
  }
  const [folder, link, away] = ["flip", "flip.link", "flip.folder"].map(
    (name) => `${data}/${name}`,
  );
  const flip = () => {
    // The next turn may have been on its way when it was told to stop.
    if (!flipping) return;
    const end = performance.now() + 20;
    while (performance.now() < end) {
      Deno.renameSync(folder, away);
      Deno.renameSync(link, folder);
      Deno.renameSync(folder, link);
      Deno.renameSync(away, folder);
    }
    setTimeout(flip, 0);
  };
  flip();
  scope.postMessage("flipping");
};
