/** The functions of `@std/path` that the server uses. */

export function basename(path: string, suffix?: string): string;
export function dirname(path: string): string;
export function extname(path: string): string;
export function fromFileUrl(url: string | URL): string;
export function globToRegExp(
  glob: string,
  options?: { readonly globstar?: boolean },
): RegExp;
export function isAbsolute(path: string): boolean;
export function join(...parts: string[]): string;
export function normalize(path: string): string;
export function relative(from: string, to: string): string;
export function resolve(...parts: string[]): string;
export function toFileUrl(path: string): URL;
export const SEPARATOR: string;
