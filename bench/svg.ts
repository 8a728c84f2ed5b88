/**
 * What the charts share: a page of panels, in light and dark.
 *
 * @module
 */

import { escapeHtml } from "../src/http/html.ts";

export const WIDTH = 720;
export const MARGIN = 16;
/** Colours of series; ours is the first. */
export const COLOURS = ["#2f6fde", "#e08a1e", "#8a8f98", "#3a9d5d", "#b0519e"];

const TITLE_HEIGHT = 40;
const STYLE = `text{font:13px system-ui,sans-serif;fill:#222}
.title{font-size:17px;font-weight:600}.panel{font-weight:600}
.small{font-size:11px}.grid{stroke:#8884}.page{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#ddd}.page{fill:#16181d}}`;

/** One part of a chart, drawn from its own upper left corner. */
export interface Panel {
  readonly height: number;
  readonly content: string;
}

/** Puts panels below each other. */
export function page(title: string, panels: readonly Panel[]): string {
  let y = MARGIN + TITLE_HEIGHT;
  const groups = panels.map(({ height, content }) => {
    const group = `<g transform="translate(${MARGIN} ${y})">${content}</g>`;
    y += height;
    return group;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="${
    escapeHtml(title)
  }">
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${y}"/>
${text(MARGIN, MARGIN + 16, title, "title")}
${groups.join("\n")}
</svg>
`;
}

/** A line of text; `anchor` is where `x` lies in it. */
export function text(
  x: number,
  y: number,
  content: string,
  style = "",
  anchor: "start" | "middle" | "end" = "start",
): string {
  return `<text x="${x}" y="${y}" class="${style}" text-anchor="${anchor}">${
    escapeHtml(content)
  }</text>`;
}
