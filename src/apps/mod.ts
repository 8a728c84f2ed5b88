/**
 * The bundled apps, for use in code: `@pagi/server/apps`.
 *
 * Each is a class whose constructor takes the app's options, by their names on
 * the command line, and whose `toApp()` gives the app.
 *
 * ```ts
 * import { FileApp, ProxyApp, UrlMapApp } from "@pagi/server/apps";
 *
 * export default new UrlMapApp()
 *   .mount("/api", new ProxyApp({ target: "http://localhost:3000" }))
 *   .mount("/", new FileApp({ root: "public" }));
 * ```
 *
 * @module
 */

export { CascadeApp, type CascadeOptions } from "./cascade.ts";
export { DirectoryApp } from "./directory.ts";
export { FileApp } from "./file.ts";
export { type Check, HealthcheckApp } from "./healthcheck.ts";
export { type BodyOf, NotFoundApp } from "./not_found.ts";
export type { AppPart } from "./composing.ts";
export { ProxyApp } from "./proxy.ts";
export { type LocationOf, RedirectApp } from "./redirect.ts";
export type { RequestScope } from "./reply.ts";
export { UrlMapApp, type UrlMapOptions } from "./url_map.ts";
