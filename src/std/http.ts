/** HTTP status texts and content negotiation. */

// @ts-types="./http.d.ts"
export { accepts } from "@std/http/negotiation";
// @ts-types="./http.d.ts"
export { STATUS_TEXT } from "@std/http/status";
