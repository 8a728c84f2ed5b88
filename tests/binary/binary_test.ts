/**
 * The executable that compile.sh builds, tested as an executable. One module,
 * so that it is built once: `deno task binary`.
 */

import "./apps.ts";
import "./system.ts";
import "./reads.ts";
import "./compile_sh.ts";
import "../container/entrypoint.ts";
