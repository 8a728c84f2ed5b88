/** HTTP/1.1 as it stands on the wire, one row per case. */

import { CHUNKS } from "./chunks.ts";
import { FRAMING } from "./framing.ts";
import { HEADER_FIELDS } from "./header_fields.ts";
import { HOSTS } from "./hosts.ts";
import { ENGINE_LIMITS, LIMITED, SMALL_LIMITS } from "./limits.ts";
import { METHODS_AND_TARGETS } from "./methods_and_targets.ts";
import { REQUEST_LINE } from "./request_line.ts";
import { testCases } from "./run_cases.ts";

testCases("request lines", REQUEST_LINE);
testCases("header fields", HEADER_FIELDS);
testCases("framing", FRAMING);
testCases("chunks", CHUNKS);
testCases("limits", SMALL_LIMITS, LIMITED);
testCases("the engine's limits", ENGINE_LIMITS, {
  maxHeaderSize: 2 ** 20,
  maxHeaderCount: 1000,
});
testCases("hosts", HOSTS);
testCases("methods and targets", METHODS_AND_TARGETS);
