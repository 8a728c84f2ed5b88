/** Media types by file extension. */

// @ts-types="./media_types.d.ts"
export { contentType } from "@std/media-types";
