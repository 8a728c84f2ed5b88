/**
 * Metrics as text: OpenMetrics 1.0, and the text format 0.0.4 of Prometheus.
 */

/** How a metric behaves. */
type MetricType = "counter" | "gauge" | "histogram" | "info";

/** Label names and values. */
export type Labels = Readonly<Record<string, string | number>>;

/** The formats, by the media types that clients ask for. */
export const FORMATS = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
} as const;

/** One of {@linkcode FORMATS}. */
export type Format = keyof typeof FORMATS;

/** Gathers metrics, and makes their text. */
export class Exposition {
  readonly #format: Format;
  readonly #lines: string[] = [];

  constructor(format: Format) {
    this.#format = format;
  }

  /**
   * A counter. Its name ends in `_total`, which OpenMetrics leaves out of the
   * name of the family.
   */
  counter(
    name: string,
    help: string,
  ): (value: number, labels?: Labels) => void {
    const openmetrics = this.#format === "openmetrics";
    this.#head(
      openmetrics ? name.replace(/_total$/, "") : name,
      "counter",
      help,
    );
    return (value, labels) => this.#sample(name, value, labels);
  }

  gauge(name: string, help: string): (value: number, labels?: Labels) => void {
    this.#head(name, "gauge", help);
    return (value, labels) => this.#sample(name, value, labels);
  }

  /** What does not change while the process lives: labels of the value 1. */
  info(name: string, help: string, labels: Labels): void {
    if (this.#format === "openmetrics") this.#head(name, "info", help);
    else this.#head(`${name}_info`, "gauge", help);
    this.#sample(`${name}_info`, 1, labels);
  }

  /**
   * A histogram from the count of each of `bounds`, that of all above, and the
   * sum.
   */
  histogram(
    name: string,
    help: string,
    bounds: readonly number[],
  ): (numbers: ArrayLike<number>, labels?: Labels, from?: number) => void {
    this.#head(name, "histogram", help);
    return (numbers, labels = {}, from = 0) => {
      let total = 0;
      for (const [at, bound] of [...bounds, Infinity].entries()) {
        total += numbers[from + at];
        const le = bound === Infinity ? "+Inf" : decimal(bound);
        this.#sample(`${name}_bucket`, total, { ...labels, le });
      }
      this.#sample(`${name}_sum`, numbers[from + bounds.length + 1], labels);
      this.#sample(`${name}_count`, total, labels);
    };
  }

  #head(family: string, type: MetricType, help: string): void {
    this.#lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} ${type}`);
  }

  #sample(name: string, value: number, labels: Labels = {}): void {
    const list = Object.entries(labels)
      .map(([label, text]) => `${label}="${escaped(String(text))}"`)
      .join(",");
    this.#lines.push(`${name}${list === "" ? "" : `{${list}}`} ${value}`);
  }

  toString(): string {
    const end = this.#format === "openmetrics" ? ["# EOF"] : [];
    return [...this.#lines, ...end, ""].join("\n");
  }
}

/** OpenMetrics wants the bounds of both formats equal: `1.0`, not `1`. */
function decimal(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
    .replaceAll('"', '\\"');
}

/**
 * The format that an `accept` field asks for: OpenMetrics where it weighs it no
 * less than plain text, as Prometheus does.
 */
export function formatFor(accept: string): Format {
  const weight = (type: string): number => {
    const item = accept.toLowerCase().split(",")
      .map((item) => item.split(";").map((part) => part.trim()))
      .find(([name]) => name === type);
    if (item === undefined) return 0;
    const q = item.find((part) => part.startsWith("q="))?.slice(2) ?? "1";
    return Number(q) || 0;
  };
  const open = weight("application/openmetrics-text");
  return open > 0 && open >= weight("text/plain")
    ? "openmetrics"
    : "prometheus";
}
