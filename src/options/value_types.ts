/**
 * The types of option values: how text is parsed, and what a message calls
 * them.
 */

import { bracketed, parseAddressRange } from "../http/addresses.ts";
import { isSafeFieldValue, isToken } from "../http/headers.ts";
import { messageOf, quote } from "./option_error.ts";

/** A value that is not allowed. The message says why. */
export class ValueError extends Error {
  override name = "ValueError";
}

/** The type of an option's values. */
export interface ValueType<T> {
  /** The placeholder of the value in help texts, as in `NUM`; "" for a flag. */
  readonly placeholder: string;
  /** The end of a sentence on what is allowed: `a whole number from 0 to 9`. */
  readonly allowed: string;
  /** All that is allowed, where that is a few words. */
  readonly words?: readonly string[];
  /** The type of one item, when this is a list. */
  readonly item?: ValueType<unknown>;
  /** Reads a value; throws {@linkcode ValueError} when it is not allowed. */
  parse(text: string): T;
  /**
   * Checks a value given in code; a string is parsed. Throws
   * {@linkcode ValueError} when it is not allowed.
   */
  coerce(value: unknown): T;
  /** True if {@linkcode show} hides secrets. */
  readonly isSecret?: boolean;
  /** The text that {@linkcode parse} makes this value of, unless it is one. */
  show?(value: T): string;
}

/** What makes a type; see {@linkcode defineType}. */
interface TypeDefinition<T> {
  placeholder: string;
  allowed: string;
  words?: readonly string[];
  /** The value, or undefined when it is not allowed. */
  parse(text: string): T | undefined;
  /** Whether a value other than a string is of this type. */
  is?(value: unknown): value is T;
  show?(value: T): string;
}

/**
 * Makes a value type. An app with a type of its own uses this
 * too, for instance for a value that may be a text or a function.
 */
export function defineType<T>(definition: TypeDefinition<T>): ValueType<T> {
  const { placeholder, allowed, words, is, show } = definition;
  const checked = (value: unknown, result: T | undefined): T => {
    if (result !== undefined) return result;
    throw new ValueError(`${quote(value)} is not ${allowed}`);
  };
  const parse = (text: string): T => checked(text, definition.parse(text));
  return {
    placeholder,
    allowed,
    words,
    parse,
    show,
    coerce: (value) =>
      typeof value === "string"
        ? parse(value)
        : checked(value, is?.(value) ? value : undefined),
  };
}

/** Any text without NUL. */
export const text: ValueType<string> = defineType({
  placeholder: "TEXT",
  allowed: "text without NUL characters",
  parse: (given) => given.includes("\0") ? undefined : given,
});

const FLAGS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...["1", "true", "yes", "on", 1, true].map((word) => [word, true] as const),
  ...["0", "false", "no", "off", "", 0, false].map((word) =>
    [word, false] as const
  ),
]);

/** Yes or no; `"0"` and `""` are false (PAGI.md 7). In code also 0 and 1. */
export const flag: ValueType<boolean> = {
  placeholder: "",
  allowed: "one of 1, true, yes, on, 0, false, no, off",
  parse: (given) => flag.coerce(given),
  coerce(value) {
    const known = typeof value === "string" ? value.toLowerCase() : value;
    const found = FLAGS.get(known);
    if (found !== undefined) return found;
    throw new ValueError(`${quote(value)} is not ${flag.allowed}`);
  },
};

/** A whole number from `min` (0 or more; default 0) to `max`, in digits. */
export function integer(
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } =
    {},
): ValueType<number> {
  const is = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= min &&
    (value as number) <= max;
  return defineType({
    placeholder: "NUM",
    allowed: `a whole number from ${min} to ${max}`,
    parse(given) {
      const number = Number(given);
      return /^\d+$/.test(given) && is(number) ? number : undefined;
    },
    is,
  });
}

const SIZE = /^(\d+(?:\.\d+)?) ?(?:([kmgt])(?:i?b)?|b)?$/i;

/** A number of bytes, as in `500M` or `2 GiB`: units count by 1024. */
export const size: ValueType<number> = defineType({
  placeholder: "SIZE",
  allowed: "a number of bytes, as in 500M or 2G",
  parse(given) {
    const [, number, unit = ""] = SIZE.exec(given) ?? [];
    if (number === undefined) return undefined;
    const power = " kmgt".indexOf(unit.toLowerCase() || " ");
    return Math.floor(Number(number) * 1024 ** power);
  },
  is: (value): value is number =>
    Number.isSafeInteger(value) && (value as number) >= 0,
});

/** Timers count milliseconds in 31 bits; longer ones would fire at once. */
const MAX_SECONDS = 2_147_483;

/** A number of seconds, 0 to about 24 days; fractions are allowed. */
export const seconds: ValueType<number> = defineType({
  placeholder: "SECS",
  allowed: `a number of seconds from 0 to ${MAX_SECONDS}`,
  parse(given) {
    const number = Number(given);
    return /^(\d+\.?\d*|\.\d+)$/.test(given) && number <= MAX_SECONDS
      ? number
      : undefined;
  },
  is: (value): value is number =>
    typeof value === "number" && value >= 0 && value <= MAX_SECONDS,
});

/** One of some words, in any case. */
export function choice<const W extends string>(
  words: readonly W[],
): ValueType<W> {
  return defineType({
    placeholder: words.join("|"),
    allowed: `one of ${words.join(", ")}`,
    words,
    parse: (given) =>
      words.find((word) => word.toLowerCase() === given.toLowerCase()),
  });
}

/** Several values of one type: separated, or an array in code. */
export function list<T>(item: ValueType<T>, separator = ","): ValueType<T[]> {
  return {
    placeholder: `${item.placeholder},…`,
    allowed: `a list; each item must be ${item.allowed}`,
    item,
    parse: (given) =>
      given.split(separator).map((part) => part.trim()).filter((part) =>
        part !== ""
      )
        .map((part) => item.parse(part)),
    coerce: (value) =>
      Array.isArray(value)
        ? value.map((part) => item.coerce(part))
        : typeof value === "string"
        ? list(item, separator).parse(value)
        : [item.coerce(value)],
  };
}

/** A path; nothing need be there. */
export const path: ValueType<string> = defineType({
  placeholder: "FILE",
  allowed: "a path",
  parse: (given) => given === "" || given.includes("\0") ? undefined : given,
});

/**
 * The URL of a broker for channels. It may hold a password, so no message
 * shows more of it than its scheme.
 */
export const brokerUrl: ValueType<string> = {
  placeholder: "URL",
  allowed: "a URL such as redis://HOST:PORT, rediss://…, nats://… or tls://…",
  parse(given) {
    const url = URL.parse(given);
    const known = ["redis:", "rediss:", "nats:", "tls:"];
    if (url !== null && known.includes(url.protocol) && url.hostname !== "") {
      const prefix = url.searchParams.get("prefix") ?? "pagi";
      if (/^[A-Za-z0-9._:-]{1,100}$/.test(prefix)) return given;
    }
    const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(given)?.[0] ?? "";
    throw new ValueError(
      `${
        quote(scheme)
      }, of which the rest is not shown, is not ${brokerUrl.allowed}${
        url?.searchParams.has("prefix")
          ? ", with a prefix of letters, digits and ._:-"
          : ""
      }`,
    );
  },
  coerce: (value) => brokerUrl.parse(String(value)),
  isSecret: true,
  show(value) {
    const url = new URL(value);
    if (url.password !== "") url.password = "***";
    else if (url.username !== "") url.username = "***";
    return url.href;
  },
};

/**
 * A path at which there is something to read, as far as this user can see: a
 * file or, as shells give for `<(…)`, a pipe.
 */
export const existingFile: ValueType<string> = defineType({
  placeholder: "FILE",
  allowed: "a file",
  parse(given) {
    path.parse(given);
    try {
      return Deno.statSync(given).isDirectory ? undefined : given;
    } catch (error) {
      // Root may have read it for this user; else opening it says why.
      if (error instanceof Deno.errors.PermissionDenied) return given;
      const reason = error instanceof Deno.errors.NotFound
        ? "no such file"
        : messageOf(error);
      throw new ValueError(`${quote(given)}: ${reason}`);
    }
  },
});

/** Permissions of a file in octal digits, with or without a leading zero. */
export const fileMode: ValueType<number> = defineType({
  placeholder: "MODE",
  allowed: "an octal mode from 000 to 777, as in 0660",
  parse: (given) =>
    /^0?[0-7]{3}$/.test(given) ? Number.parseInt(given, 8) : undefined,
  is: (value): value is number =>
    Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0o777,
  show: (mode) => mode.toString(8).padStart(4, "0"),
});

/** A trusted proxy: an address, a range, or whatever connects by Unix sockets. */
export const trustedProxy: ValueType<string> = defineType({
  placeholder: "PROXY",
  allowed: "an IP address, a range such as 10.0.0.0/8, or unix:",
  parse: (given) =>
    given === "unix:" || parseAddressRange(given) !== null ? given : undefined,
});

/** Two slashes or a backslash would make links lead to another host. */
const ROOT_PATH = /^(?:\/[^\p{Cc}/\\?#%]+)*\/?$/u;

/** The start of a path, without a slash at its end: "/" is "". */
export const rootPath: ValueType<string> = defineType({
  placeholder: "PATH",
  allowed: 'a path that starts with "/", as in /app, without "?", "#" and "%"',
  parse: (given) =>
    ROOT_PATH.test(given) ? given.replace(/\/$/, "") : undefined,
});

/** A URL, or the path of a Unix socket that is sent a request for `/`. */
export type ProbeTarget = URL | { readonly path: string };

/** `http:` and `https:` URLs, and Unix sockets as `--listen` takes them. */
export const probeTarget: ValueType<ProbeTarget> = defineType({
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

/** A request to be explained. */
export interface AskedRequest {
  readonly method: string;
  /** A path, or a URL of one of the schemes. */
  readonly target: string;
}

/** `GET /path`, `/path`, `POST https://host/path`. */
export const askedRequest: ValueType<AskedRequest> = defineType({
  placeholder: "REQUEST",
  allowed: 'a method and a path or URL, as in "GET /path"',
  parse(given) {
    const [, method = "GET", target] =
      /^(?:(\S+) +)?((?:\/|(?:https?|wss?):\/\/[^/?\s]+)[^\s#]*)$/i.exec(
        given.trim(),
      ) ?? [];
    return target !== undefined && isToken(method)
      ? { method, target }
      : undefined;
  },
});

/** `Name: value` of a request. */
export const requestField: ValueType<HeaderField> = defineType({
  placeholder: "FIELD",
  allowed: 'a header field, as in "Name: value"',
  parse(given) {
    const [, name, value] = /^([^:]+):(.*)$/s.exec(given) ?? [];
    return name !== undefined && isToken(name) && isSafeFieldValue(value)
      ? [name, value.trim()]
      : undefined;
  },
});

/** One place to listen at. */
export type ListenAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

const NAME = /^[\w.-]+$/;
/** Two colons or more, and perhaps a zone; the bind finds finer errors. */
const IPV6 = /^(?=.*:.*:)[\da-f:.]+(%[\w.-]+)?$/i;

/** A host name or IP address; an IPv6 address may be in brackets. */
export const host: ValueType<string> = defineType({
  placeholder: "HOST",
  allowed: "a host name or an IP address",
  parse(given) {
    const bare = given.replace(/^\[(.*:.*)\]$/, "$1");
    return NAME.test(bare) || IPV6.test(bare) ? bare : undefined;
  },
});

/** A port; 0 lets the system choose one. */
export const port: ValueType<number> = {
  ...integer({ max: 65535 }),
  placeholder: "PORT",
};

/**
 * `host:port`, `[IPv6]:port` or `unix:path`. As with the Perl server, what
 * starts with "/" or ".", or has no colon, is a path too.
 */
export const listenAddress: ValueType<ListenAddress> = defineType({
  placeholder: "ADDRESS",
  allowed: "HOST:PORT, [IPV6]:PORT or unix:PATH",
  parse(given) {
    if (given.includes("\0")) return undefined;
    const path = /^unix:(.+)$/s.exec(given)?.[1];
    if (path !== undefined) return { path };
    if (/^[./]/.test(given)) return { path: given };
    const tcp = /^(\[.*\]|[^:]+):(\d+)$/.exec(given);
    if (tcp !== null) return tcpAddress(tcp[1], Number(tcp[2]));
    // A number alone is a forgotten host, not a socket file called 8080.
    const isName = given !== "" && !given.includes(":") && !/^\d+$/.test(given);
    return isName ? { path: given } : undefined;
  },
  is(value): value is ListenAddress {
    if (typeof value !== "object" || value === null) return false;
    if ("path" in value) return typeof value.path === "string";
    return "host" in value && typeof value.host === "string" &&
      "port" in value && typeof value.port === "number" &&
      tcpAddress(value.host, value.port) !== undefined;
  },
  show(address) {
    if ("path" in address) return `unix:${address.path}`;
    const { host, port } = address;
    return `${bracketed(host)}:${port}`;
  },
});

/** Where metrics are served: TCP, and by default this machine alone. */
export const metricsAddress: ValueType<
  { readonly host: string; readonly port: number }
> = defineType({
  placeholder: "ADDRESS",
  allowed: "PORT, HOST:PORT or [IPV6]:PORT",
  parse(given) {
    const [, host = "127.0.0.1", number] =
      /^(?:(\[.*\]|[^:]+):)?(\d+)$/.exec(given) ?? [];
    const address = number === undefined
      ? undefined
      : tcpAddress(host, Number(number));
    return address !== undefined && "port" in address ? address : undefined;
  },
  is(value): value is { readonly host: string; readonly port: number } {
    return typeof value === "object" && value !== null && "port" in value &&
      listenAddress.coerce(value) === value;
  },
  show: (address) => listenAddress.show!(address),
});

function tcpAddress(
  hostText: string,
  portNumber: number,
): ListenAddress | undefined {
  try {
    return { host: host.parse(hostText), port: port.coerce(portNumber) };
  } catch {
    return undefined;
  }
}

/**
 * A host that requests may name: a name, an address, `.name` for all below it
 * too (`*.name` means the same), `loopback`, or `*` for any.
 */
export const allowedHost: ValueType<string> = defineType({
  placeholder: "HOST",
  allowed:
    "a host name or IP address without port, .example.com, loopback or *",
  parse(given) {
    if (given === "*") return given;
    const [, wildcard, rest] = /^(\*?\.)?(.*)$/s.exec(given)!;
    const bare = rest.replace(/^\[(.*:.*)\]$/, "$1");
    if (!NAME.test(bare) && !IPV6.test(bare)) return undefined;
    // As browsers write it: lower case, and IPv6 in its shortest form.
    const name = URL.parse(`http://${bracketed(bare)}/`)?.hostname
      .replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
    return name && (wildcard === undefined ? name : `.${name}`);
  },
});

/** A lower-case name and a value. */
export type HeaderField = readonly [name: string, value: string];

/** Framing, connection and handshake. */
const OWNED =
  /^(connection|content-length|date|keep-alive|proxy-connection|sec-websocket-.*|te|trailer|transfer-encoding|upgrade)$/;

/** `Name: value` of a response; a pair in code. */
export const headerField: ValueType<HeaderField> = {
  placeholder: "FIELD",
  allowed: 'a header field, as in "Name: value"',
  parse(given) {
    const [name, value] = given.split(/:(.*)/s, 2);
    if (value === undefined) throw notAllowed(given);
    return headerField.coerce([name, value]);
  },
  coerce(given) {
    if (typeof given === "string") return headerField.parse(given);
    if (!Array.isArray(given)) throw notAllowed(given);
    const [name, value]: unknown[] = given;
    if (typeof name !== "string" || typeof value !== "string") {
      throw notAllowed(given);
    }
    const lower = name.toLowerCase();
    const trimmed = value.replace(/^[ \t]+|[ \t]+$/g, "");
    if (!isToken(name) || !isSafeFieldValue(trimmed)) {
      throw notAllowed(`${name}: ${trimmed}`);
    }
    if (OWNED.test(lower)) {
      throw new ValueError(
        `${quote(name)} is set by the server: it cannot be added to responses`,
      );
    }
    return [lower, trimmed];
  },
  show: ([name, value]) => `${name}: ${value}`,
};

function notAllowed(given: unknown): ValueError {
  return new ValueError(`${quote(given)} is not ${headerField.allowed}`);
}
