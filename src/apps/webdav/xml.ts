/**
 * Reads and writes the small XML bodies of WebDAV (RFC 4918, 14): elements,
 * attributes and text with namespaces. There are no entities but the five that
 * XML has itself, so none can expand.
 */

import { escapeHtml } from "../../http/html.ts";
import { WriteRefused } from "../uploads/refusal.ts";

/** The namespace of WebDAV's own elements. */
export const DAV = "DAV:";

/** An element; namespaces are resolved. */
export interface XmlElement {
  readonly space: string;
  readonly name: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly (XmlElement | string)[];
}

interface XmlAttribute {
  readonly space: string;
  readonly name: string;
  readonly value: string;
}

const XML_SPACE = "http://www.w3.org/XML/1998/namespace";
/** Depth of nested elements. */
const MAX_DEPTH = 50;
/** Elements of a document; their names are looked up for each file. */
const MAX_ELEMENTS = 1000;
/** Prefixes that are declared around an element. */
const MAX_PREFIXES = 100;
/** UTF-16 units of all namespaces, which a response repeats for each file. */
const MAX_NAMESPACES = 64 * 1024;
/** A name without a colon (Namespaces in XML 1.0, 3; XML 1.0, 2.3). */
const NAME_START = "A-Z_a-z\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\u02ff\\u0370-\\u037d" +
  "\\u037f-\\u1fff\\u200c\\u200d\\u2070-\\u218f\\u2c00-\\u2fef\\u3001-\\ud7ff" +
  "\\uf900-\\ufdcf\\ufdf0-\\ufffd";
const NAME =
  `[${NAME_START}][${NAME_START}.0-9\\xb7\\u0300-\\u036f\\u203f\\u2040-]*`;
const QNAME = `(?:(${NAME}):)?(${NAME})`;
const SKIPPED = /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|\s+/y;
const CDATA = /<!\[CDATA\[([\s\S]*?)\]\]>/y;
const TEXT = /[^<]+/y;
const END = new RegExp(`</(${NAME}(?::${NAME})?)\\s*>`, "y");
const START = new RegExp(`<${QNAME}`, "y");
const ATTRIBUTE = new RegExp(
  `\\s+${QNAME}\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`,
  "y",
);
const CLOSE = /\s*(\/?)>/y;
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function malformed(what: string): WriteRefused {
  return new WriteRefused(400, `The XML cannot be read: ${what}.`);
}

/**
 * The root element of a document.
 *
 * @throws {WriteRefused} 400 for what is not well-formed, or has a DOCTYPE.
 */
export function parseXml(bytes: Uint8Array): XmlElement {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed("it is not UTF-8");
  }
  const reader = new XmlReader(text);
  return reader.document();
}

class XmlReader {
  #at = 0;
  #elements = 0;
  #namespaces = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  document(): XmlElement {
    this.#skip();
    const root = this.#element(new Map([["xml", XML_SPACE]]), 0);
    this.#skip();
    if (this.#at < this.#text.length) {
      throw malformed("something follows its end");
    }
    return root;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  #skip(): void {
    while (this.#match(SKIPPED) !== null);
  }

  #element(outer: ReadonlyMap<string, string>, depth: number): XmlElement {
    if (depth > MAX_DEPTH) throw malformed("it is nested too deeply");
    if (++this.#elements > MAX_ELEMENTS) {
      throw malformed(`it has more than ${MAX_ELEMENTS} elements`);
    }
    const start = this.#match(START);
    if (start === null) throw malformed("an element is missing");
    const [, prefix = "", name] = start;
    const spaces = new Map(outer);
    const given: [prefix: string, name: string, value: string][] = [];
    for (let found; (found = this.#match(ATTRIBUTE)) !== null;) {
      const [, space = "", key, double, single] = found;
      const value = decode(double ?? single);
      if (space === "xmlns") {
        if (value === "") throw malformed("a prefix is bound to nothing");
        spaces.set(key, value);
      } else if (space === "" && key === "xmlns") spaces.set("", value);
      else given.push([space, key, value]);
    }
    if (spaces.size > MAX_PREFIXES) {
      throw malformed(`it has more than ${MAX_PREFIXES} prefixes`);
    }
    const close = this.#match(CLOSE);
    if (close === null) throw malformed("a tag does not end");
    const attributes = given.map(([prefix, name, value]) => ({
      space: prefix === "" ? "" : this.#spaceOf(prefix, spaces),
      name,
      value,
    }));
    const names = attributes.map(({ space, name }) => `${space} ${name}`);
    if (new Set(names).size < names.length) {
      throw malformed("an attribute occurs twice in a tag");
    }
    const children = close[1] === "/" ? [] : this.#content(
      prefix === "" ? name : `${prefix}:${name}`,
      spaces,
      depth,
    );
    return {
      space: this.#spaceOf(prefix, spaces),
      name,
      attributes,
      children,
    };
  }

  #spaceOf(prefix: string, spaces: ReadonlyMap<string, string>): string {
    const space = spaces.get(prefix) ?? (prefix === "" ? "" : undefined);
    if (space === undefined) throw malformed("a prefix is not declared");
    this.#namespaces += space.length;
    if (this.#namespaces > MAX_NAMESPACES) {
      throw malformed("its namespaces are too long");
    }
    return space;
  }

  #content(
    tag: string,
    spaces: ReadonlyMap<string, string>,
    depth: number,
  ): (XmlElement | string)[] {
    const children: (XmlElement | string)[] = [];
    while (true) {
      const end = this.#match(END);
      if (end !== null) {
        if (end[1] !== tag) throw malformed("the tags do not match");
        return children;
      }
      const text = this.#match(TEXT);
      const raw = text === null ? this.#match(CDATA) : null;
      if (text !== null) children.push(decode(text[0]));
      else if (raw !== null) children.push(raw[1]);
      else if (this.#match(SKIPPED) === null) {
        children.push(this.#element(spaces, depth + 1));
      }
    }
  }
}

function decode(text: string): string {
  return text.replace(/&([^;&]{0,20});?/g, (_, name: string) => {
    const code = /^#(?:x([\da-f]+)|(\d+))$/i.exec(name);
    if (code === null) {
      const known = ENTITIES[name];
      if (known === undefined) throw malformed("it uses an unknown entity");
      return known;
    }
    const point = code[1] === undefined
      ? parseInt(code[2])
      : parseInt(code[1], 16);
    if (point === 0 || point > 0x10ffff) {
      throw malformed("a character reference is invalid");
    }
    return String.fromCodePoint(point);
  });
}

/** The elements in an element; of WebDAV with that name, if one is given. */
export function elementsOf(parent: XmlElement, name?: string): XmlElement[] {
  return parent.children.filter((child): child is XmlElement =>
    typeof child !== "string" &&
    (name === undefined || child.space === DAV && child.name === name)
  );
}

/** Characters that XML 1.0 cannot have, however they are written. */
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/** Text for an element or attribute; what XML cannot have becomes U+FFFD. */
export function escapeXml(text: string): string {
  return escapeHtml(text.toWellFormed().replace(FORBIDDEN, "\ufffd"));
}

/** What is in an element, with its namespaces. */
export function innerXml({ children }: XmlElement): string {
  return children.map((child) =>
    typeof child === "string" ? escapeXml(child) : outerXml(child)
  ).join("");
}

function outerXml(element: XmlElement): string {
  const attributes = element.attributes.map(({ space, name, value }, i) => {
    if (space === "") return ` ${name}="${escapeXml(value)}"`;
    if (space === XML_SPACE) return ` xml:${name}="${escapeXml(value)}"`;
    return ` xmlns:a${i}="${escapeXml(space)}" a${i}:${name}="${
      escapeXml(value)
    }"`;
  }).join("");
  const { space, name } = element;
  return `${openTag(space, name, attributes)}${innerXml(element)}</${name}>`;
}

function openTag(space: string, name: string, attributes = ""): string {
  return `<${name} xmlns="${escapeXml(space)}"${attributes}>`;
}

/** An element with `inner`, which is XML; those of WebDAV have the prefix D. */
export function tag(space: string, name: string, inner = ""): string {
  if (space === DAV) {
    return inner === "" ? `<D:${name}/>` : `<D:${name}>${inner}</D:${name}>`;
  }
  return `${openTag(space, name)}${inner}</${name}>`;
}

/** Starts each document. */
export const XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n';

/** The body of an error that names a condition (RFC 4918, 16). */
export function errorBody(condition: string, inner = ""): string {
  return `${XML_HEAD}<D:error xmlns:D="DAV:">${
    tag(DAV, condition, inner)
  }</D:error>`;
}
