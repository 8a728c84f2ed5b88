/**
 * All that can be fuzzed.
 *
 * @module
 */

import { accessFormat } from "./access_format.ts";
import { appSpec, commandLine, settingsInCode } from "./command_line.ts";
import { apps, appsInDevelopment } from "./apps.ts";
import { files } from "./files.ts";
import { http1 } from "./http1.ts";
import { http2 } from "./http2.ts";
import { parsers } from "./parsers.ts";
import type { Target } from "./target.ts";
import { webSocket } from "./websocket.ts";

/** Every target; shares follow what a stranger can reach, and the speed. */
export const TARGETS: readonly Target[] = [
  commandLine,
  settingsInCode,
  appSpec,
  accessFormat,
  parsers,
  files,
  http1,
  http2,
  apps,
  appsInDevelopment,
  webSocket,
];
