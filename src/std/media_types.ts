/**
 * Media types by file extension.
 *
 * @module
 */

// @ts-types="./media_types.d.ts"
export { contentType } from "@std/media-types";
