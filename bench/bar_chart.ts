/**
 * Panels of horizontal bars, each panel with a scale of its own.
 *
 * @module
 */

import { short } from "./figures.ts";
import { COLOURS, MARGIN, page, type Panel, text, WIDTH } from "./svg.ts";

/** One contender. */
export interface Bar {
  readonly name: string;
  readonly value: number;
}

/** What is compared. */
export interface BarPanel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const LABELS = 170;
const VALUES = 90;
const LINE = 24;
const LENGTH = WIDTH - 2 * MARGIN - LABELS - VALUES;

/** Draws the chart; the first bar of a panel stands out. */
export function barChart(title: string, panels: readonly BarPanel[]): string {
  return page(title, panels.map(panel));
}

function panel({ title, bars }: BarPanel): Panel {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const lines = bars.map(({ name, value }, index) => {
    const y = LINE * (index + 1) - 4;
    const length = Math.max(1, LENGTH * value / most);
    const colour = COLOURS[index === 0 ? 0 : 2];
    return text(LABELS - 8, y + 14, name, "", "end") +
      `<rect x="${LABELS}" y="${y}" width="${
        length.toFixed(1)
      }" height="18" rx="2" fill="${colour}"/>` +
      text(LABELS + length + 6, y + 14, short(value));
  });
  return {
    height: LINE * (bars.length + 2),
    content: text(0, 10, title, "panel") + lines.join(""),
  };
}
