/** What the server uses of `markdown-it`. */

/** A piece of a document. */
export interface Token {
  readonly type: string;
  /** The text of a heading, as it stands in the source. */
  readonly content: string;
  attrSet(name: string, value: string): void;
}

/** A renderer. */
export default class MarkdownIt {
  constructor(options: { html: boolean; linkify: boolean });
  readonly core: {
    readonly ruler: {
      push(name: string, rule: (state: { tokens: Token[] }) => void): void;
    };
  };
  readonly linkify: {
    set(options: { fuzzyLink: boolean; fuzzyEmail: boolean }): void;
  };
  /** The document as HTML. */
  render(text: string): string;
}
