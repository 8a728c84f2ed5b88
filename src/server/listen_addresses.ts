/**
 * Where to listen.
 *
 * @module
 */

import type { ListenAddress } from "../options/address.ts";
import type { Settings } from "../options/settings.ts";

/** Where the settings say to listen. */
export function listenAddresses(settings: Settings): readonly ListenAddress[] {
  if (settings.listen.length > 0) return settings.listen;
  if (settings.socket !== null) return [{ path: settings.socket }];
  return [{ host: settings.host, port: settings.port }];
}
