/** HTTP/1.1 as it stands on the wire, one row per case. */

import { CHUNKS } from "./chunks.ts";
import { FRAMING } from "./framing.ts";
import { HEADER_FIELDS } from "./header_fields.ts";
import { REQUEST_LINE } from "./request_line.ts";
import { testCases } from "./run_cases.ts";

testCases("request lines", REQUEST_LINE);
testCases("header fields", HEADER_FIELDS);
testCases("framing", FRAMING);
testCases("chunks", CHUNKS);
