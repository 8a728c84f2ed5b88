/**
 * The bundled apps, for use in code: `@pagi/server/apps`.
 *
 * Each is a class whose constructor takes the app's options, and whose
 * `toApp()` gives the app. Options have the names of the command line in
 * camelCase: `show_hidden=1` there is `showHidden: true` here.
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
export { DirectoryApp, type DirectoryOptions } from "./directory.ts";
export { FileApp, type FileOptions } from "./file.ts";
export {
  type Check,
  HealthcheckApp,
  type HealthcheckOptions,
} from "./healthcheck.ts";
export { type BodyOf, NotFoundApp, type NotFoundOptions } from "./not_found.ts";
export type { AppPart } from "./composing.ts";
export { ProxyApp, type ProxyOptions } from "./proxy.ts";
export {
  type LocationOf,
  RedirectApp,
  type RedirectOptions,
} from "./redirect.ts";
export type { RequestScope } from "./reply.ts";
export {
  type PubsubEvent,
  SsePubsubApp,
  type SsePubsubOptions,
} from "./sse_pubsub.ts";
export { UrlMapApp, type UrlMapOptions } from "./url_map.ts";
