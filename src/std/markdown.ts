/**
 * The renderer of Markdown (CommonMark with tables and struck text).
 *
 * The npm package marked is smaller but takes quadratic time: 64 KiB of
 * "`a`*b" take it 44 s, and markdown-it 0.06 s.
 */

// @ts-types="./markdown.d.ts"
export { default as MarkdownIt } from "markdown-it";
