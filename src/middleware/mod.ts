/**
 * Middleware, for use in code: `@pagi/server/middleware`.
 *
 * Each is a function of its options that gives one from an app to an app.
 * Options have the names of the command line in camelCase: `auth_file=FILE`
 * there is `authFile: FILE` here.
 *
 * ```ts
 * import { DirectoryApp } from "@pagi/server/apps";
 * import { auth, cors } from "@pagi/server/middleware";
 *
 * const files = new DirectoryApp({ root: "public" });
 * export default cors({ cors: true })(auth({ authFile: "users" })(files));
 * ```
 *
 * @module
 */

export { auth, type AuthOptions } from "./auth.ts";
export {
  cors,
  type CorsOptions,
  responseHeaders,
  type ResponseHeadersOptions,
} from "./cors.ts";
export { sharing, type SharingOptions } from "./sharing.ts";
export type { AppPart, Middleware } from "./middleware.ts";
