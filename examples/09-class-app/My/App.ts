/** An app with options, found by its module name. */

import type { PagiApp } from "@pagi/server/types";

/** What may stand behind the app on the command line; values are strings. */
export interface Options {
  greeting?: string;
  loud?: string;
}

export default class App {
  readonly #text: string;

  constructor({ greeting = "Hello", loud = "0", ...unknown }: Options) {
    const [key] = Object.keys(unknown);
    if (key !== undefined) throw new Error(`My::App has no option "${key}"`);
    // As for the bundled apps, "0" and "" are false.
    const isLoud = loud !== "" && loud !== "0";
    this.#text = isLoud ? `${greeting.toUpperCase()}!\n` : `${greeting}\n`;
  }

  toApp(): PagiApp {
    return async (scope, _receive, send) => {
      if (scope.type !== "http") {
        throw new Error(`No support for ${scope.type}`);
      }
      await send({
        type: "http.response.start",
        status: 200,
        headers: [["content-type", "text/plain; charset=utf-8"]],
      });
      await send({ type: "http.response.body", body: this.#text });
    };
  }
}
