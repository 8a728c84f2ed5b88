/**
 * What `--probe` asks.
 *
 * @module
 */

import { defineKind } from "./kinds.ts";
import type { Kind } from "./kinds.ts";

/** A URL, or the path of a Unix socket at which `/` is asked for. */
export type ProbeTarget = URL | { readonly path: string };

/** `http:` and `https:` URLs, and Unix sockets as `--listen` takes them. */
export const probeTarget: Kind<ProbeTarget> = defineKind({
  placeholder: "URL",
  allowed: "an http: or https: URL without a user name, or unix:PATH",
  parse(given) {
    const path = /^unix:([^\0]+)$/.exec(given)?.[1];
    if (path !== undefined) return { path };
    if (!/^https?:\/\//i.test(given) || !URL.canParse(given)) return undefined;
    const url = new URL(given);
    return url.username + url.password === "" ? url : undefined;
  },
});
