/** Opens something at start, shares it with all requests, closes it at the end. */

import type {
  LifespanScope,
  PagiApp,
  Receive,
  Send,
  State,
} from "@pagi/server/types";

/** Stands for a connection to a database. */
class Visits {
  #count = 0;

  next(): number {
    return ++this.#count;
  }

  close(): void {
    this.#count = 0;
  }
}

interface Shared extends State {
  visits: Visits;
}

async function lifespan(
  scope: LifespanScope,
  receive: Receive,
  send: Send,
): Promise<void> {
  await receive(); // lifespan.startup
  const visits = new Visits();
  Object.assign(scope.state!, { visits } satisfies Shared);
  await send({ type: "lifespan.startup.complete" });

  await receive(); // lifespan.shutdown
  visits.close();
  await send({ type: "lifespan.shutdown.complete" });
}

const app: PagiApp = async (scope, receive, send) => {
  if (scope.type === "lifespan") return await lifespan(scope, receive, send);
  if (scope.type !== "http") throw new Error(`No support for ${scope.type}`);
  const { visits } = scope.state as Shared;
  await send({
    type: "http.response.start",
    status: 200,
    headers: [["content-type", "text/plain; charset=utf-8"]],
  });
  await send({
    type: "http.response.body",
    body: `Visit number ${visits.next()}\n`,
  });
};

export default app;
