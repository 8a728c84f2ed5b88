/**
 * Charts as SVG documents, in light and dark: panels below each other, of
 * horizontal bars or of lines.
 *
 * @module
 */

import { escapeHtml } from "../src/http/html.ts";
import { short } from "./figures.ts";

/** One contender. */
export interface Bar {
  readonly name: string;
  readonly value: number;
}

/** What is compared; each panel has a scale of its own. */
export interface BarPanel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

/** One contender. */
export interface Line {
  readonly name: string;
  readonly points: readonly {
    readonly label: string;
    readonly value: number;
  }[];
}

/** What is compared; the labels are those of the longest line. */
export interface LinePanel {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Whether equal distances are equal factors, as over powers of ten. */
  readonly logarithmic?: boolean;
}

interface Panel {
  readonly height: number;
  readonly content: string;
}

const WIDTH = 720;
const MARGIN = 16;
/** Of series; ours is the first. */
const COLOURS = [
  ...["#2f6fde", "#e08a1e", "#8a8f98", "#3a9d5d", "#b0519e"],
  ...["#c0392b", "#16a2b8", "#8b6f47", "#6c5ce7", "#a3b018"],
];
const TITLE_HEIGHT = 40;
const STYLE = `text{font:13px system-ui,sans-serif;fill:#222}
.title{font-size:17px;font-weight:600}.panel{font-weight:600}
.small{font-size:11px}.grid{stroke:#8884}.page{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#ddd}.page{fill:#16181d}}`;

const BAR = { labels: 170, values: 90, line: 24 };
const BAR_LENGTH = WIDTH - 2 * MARGIN - BAR.labels - BAR.values;

const PLOT = { top: 28, height: 150, bottom: 44, left: 50, legend: 190 };
const PLOT_LENGTH = WIDTH - 2 * MARGIN - PLOT.left - PLOT.legend;

/** Draws bars; the first of a panel stands out. */
export function barChart(title: string, panels: readonly BarPanel[]): string {
  return page(title, panels.map(barPanel));
}

/** Draws lines, those of one name in one colour. */
export function lineChart(title: string, panels: readonly LinePanel[]): string {
  const names = new Set(
    panels.flatMap(({ lines }) => lines.map(({ name }) => name)),
  );
  const colours = new Map(
    [...names].map((name, index) => [name, COLOURS[index % COLOURS.length]]),
  );
  return page(title, panels.map((panel) => linePanel(panel, colours)));
}

function barPanel({ title, bars }: BarPanel): Panel {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const lines = bars.map(({ name, value }, index) => {
    const y = BAR.line * (index + 1) - 4;
    const length = Math.max(1, BAR_LENGTH * value / most);
    const colour = COLOURS[index === 0 ? 0 : 2];
    return text(BAR.labels - 8, y + 14, name, "", "end") +
      `<rect x="${BAR.labels}" y="${y}" width="${
        length.toFixed(1)
      }" height="18" rx="2" fill="${colour}"/>` +
      text(BAR.labels + length + 6, y + 14, short(value));
  });
  return {
    height: BAR.line * (bars.length + 2),
    content: text(0, 10, title, "panel") + lines.join(""),
  };
}

function linePanel(
  { title, lines, logarithmic = false }: LinePanel,
  colours: ReadonlyMap<string, string>,
): Panel {
  const values = lines.flatMap(({ points }) =>
    points.map(({ value }) => value)
  );
  const most = Math.max(...values, Number.MIN_VALUE);
  const labels = lines.map(({ points }) => points.map(({ label }) => label))
    .reduce((longest, one) => one.length > longest.length ? one : longest);
  const x = (label: string): number =>
    PLOT.left +
    PLOT_LENGTH * labels.indexOf(label) / Math.max(1, labels.length - 1);
  const decades = [
    Math.floor(Math.log10(Math.min(...values))),
    Math.ceil(Math.log10(most)),
  ];
  const height = (value: number): number =>
    logarithmic
      ? (Math.log10(value) - decades[0]) / Math.max(1, decades[1] - decades[0])
      : value / most;
  const y = (value: number): number =>
    PLOT.top + PLOT.height * (1 - height(value));
  const steps = logarithmic
    ? Array.from(
      { length: decades[1] - decades[0] + 1 },
      (_, index) => 10 ** (decades[0] + index),
    )
    : [0, most / 2, most];
  const grid = steps.map((value) => {
    const at = y(value).toFixed(1);
    return `<path class="grid" d="M${PLOT.left} ${at}H${
      PLOT.left + PLOT_LENGTH
    }"/>` + text(PLOT.left - 6, Number(at) + 4, short(value), "small", "end");
  });
  const axis = labels.map((label) =>
    text(x(label), PLOT.top + PLOT.height + 16, label, "small", "middle")
  );
  const drawn = lines.map(({ name, points }, index) => {
    const colour = colours.get(name);
    const path = points.map(({ label, value }) =>
      `${x(label).toFixed(1)},${y(value).toFixed(1)}`
    ).join(" ");
    const legend = PLOT.top + 12 + 20 * index;
    const right = PLOT.left + PLOT_LENGTH + 24;
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>` +
      `<rect x="${right}" y="${
        legend - 9
      }" width="12" height="10" rx="2" fill="${colour}"/>` +
      text(right + 18, legend, name);
  });
  return {
    height: PLOT.top + PLOT.height + PLOT.bottom,
    content: [text(0, 10, title, "panel"), ...grid, ...axis, ...drawn].join(""),
  };
}

/** Puts panels below each other. */
function page(title: string, panels: readonly Panel[]): string {
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
function text(
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
