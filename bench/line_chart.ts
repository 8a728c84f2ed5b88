/**
 * Panels of lines over the same few labels, as percentiles are.
 *
 * @module
 */

import { short } from "./figures.ts";
import { COLOURS, MARGIN, page, type Panel, text, WIDTH } from "./svg.ts";

/** One contender. */
export interface Line {
  readonly name: string;
  readonly points: readonly {
    readonly label: string;
    readonly value: number;
  }[];
}

/** What is compared; all lines have the same labels. */
export interface LinePanel {
  readonly title: string;
  readonly lines: readonly Line[];
}

const TOP = 28;
const HEIGHT = 150;
const BOTTOM = 44;
const LEFT = 50;
const LEGEND = 190;
const LENGTH = WIDTH - 2 * MARGIN - LEFT - LEGEND;

/** Draws the chart. */
export function lineChart(title: string, panels: readonly LinePanel[]): string {
  return page(title, panels.map(panel));
}

function panel({ title, lines }: LinePanel): Panel {
  const values = lines.flatMap(({ points }) =>
    points.map(({ value }) => value)
  );
  const most = Math.max(...values, Number.MIN_VALUE);
  const labels = lines[0].points.map(({ label }) => label);
  const x = (index: number): number =>
    LEFT + LENGTH * index / Math.max(1, labels.length - 1);
  const y = (value: number): number => TOP + HEIGHT * (1 - value / most);
  const grid = [0, 0.5, 1].map((part) => {
    const at = y(most * part);
    return `<path class="grid" d="M${LEFT} ${at}H${LEFT + LENGTH}"/>` +
      text(LEFT - 6, at + 4, short(most * part), "small", "end");
  });
  const axis = labels.map((label, index) =>
    text(x(index), TOP + HEIGHT + 16, label, "small", "middle")
  );
  const drawn = lines.map(({ name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length];
    const path = points.map(({ value }, at) =>
      `${x(at).toFixed(1)},${y(value).toFixed(1)}`
    ).join(" ");
    const legend = TOP + 12 + 20 * index;
    const right = LEFT + LENGTH + 24;
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>` +
      `<rect x="${right}" y="${
        legend - 9
      }" width="12" height="10" rx="2" fill="${colour}"/>` +
      text(right + 18, legend, name);
  });
  return {
    height: TOP + HEIGHT + BOTTOM,
    content: [text(0, 10, title, "panel"), ...grid, ...axis, ...drawn].join(""),
  };
}
