import {
  CascadeApp,
  DirectoryApp,
  HealthcheckApp,
  NotFoundApp,
  RedirectApp,
  UrlMapApp,
} from "@pagi/server/apps";
import type { PagiApp } from "@pagi/server/types";
import { fileURLToPath } from "node:url";

/** Answers below /greet, and 404 elsewhere. */
const greet: PagiApp = async (scope, _receive, send) => {
  if (scope.type !== "http") throw new Error(`No support for ${scope.type}`);
  const known = scope.path.startsWith("/greet/");
  await send({
    type: "http.response.start",
    status: known ? 200 : 404,
    headers: [["content-type", "text/plain; charset=utf-8"]],
  });
  await send({
    type: "http.response.body",
    body: known ? `Hello, ${scope.path.slice("/greet/".length)}!\n` : "",
  });
};

const files = new DirectoryApp({
  root: fileURLToPath(new URL("./public", import.meta.url)),
});

export default new UrlMapApp()
  .mount("/health", new HealthcheckApp({ version: "1.0" }))
  .mount("/old", new RedirectApp({ location: "/", status: 301 }))
  .mount(
    "/",
    new CascadeApp({
      apps: [greet, files, new NotFoundApp({ body: "Nothing here\n" })],
    }),
  );
