/**
 * The server in code: `@pagi/server/server`.
 *
 * ```ts
 * import { serve } from "@pagi/server/server";
 * import app from "./app.ts";
 *
 * await using server = await serve(app, { port: 8080 });
 * await server.finished;
 * ```
 *
 * @module
 */

export type { ListenAddress } from "../options/value_types.ts";
export type { HeaderField } from "../options/value_types.ts";
export { OptionError } from "../options/option_error.ts";
export type { Settings } from "../options/settings.ts";
export { StartupError } from "./lifespan.ts";
export { ListenError } from "./listen_address.ts";
export { type RunningServer, serve, type ServeOptions } from "./serve.ts";
export {
  PROGRAM_SETTINGS,
  type ProgramSetting,
  type ServeSettings,
} from "./serve.ts";
