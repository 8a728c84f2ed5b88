/**
 * What the Dockerfile says of the image.
 *
 * @module
 */

const TEXT = Deno.readTextFileSync(
  new URL("../../Dockerfile", import.meta.url),
);

/** An instruction and what follows it. */
type Instruction = readonly [keyword: string, text: string];

/** What an engine takes from the last stage. */
export interface Image {
  /** The images that the stages start from. */
  readonly bases: readonly string[];
  /** What is taken from the build stage, and where it goes. */
  readonly copied: readonly (readonly [from: string, to: string])[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user: number;
  readonly group: number;
  readonly folder: string;
  readonly port: number;
  readonly stopSignal: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  /** Seconds, by option. */
  readonly healthCheckTimes: Readonly<Record<string, number>>;
}

/** Reads the Dockerfile. Only exec forms are understood. */
export function readImage(): Image {
  const all = instructions();
  const last = all.findLastIndex(([keyword]) => keyword === "FROM");
  const stage = all.slice(last + 1);
  const texts = (keyword: string): string[] =>
    stage.filter(([other]) => other === keyword).map(([, text]) => text);
  const only = (keyword: string): string => {
    const found = texts(keyword);
    if (found.length === 1) return found[0];
    throw new Error(`${keyword} stands there ${found.length} times`);
  };
  const [user, group] = only("USER").split(":").map(Number);
  const health = only("HEALTHCHECK");
  return {
    bases: all.filter(([keyword]) => keyword === "FROM")
      .map(([, text]) => text.split(" ")[0]),
    copied: texts("COPY").map((text) => {
      const [, from, to] = /^--from=build (\S+) (\S+)$/.exec(text)!;
      return [from, to] as const;
    }),
    env: pairs(only("ENV")),
    labels: pairs(only("LABEL")),
    user,
    group,
    folder: only("WORKDIR"),
    port: Number(only("EXPOSE")),
    stopSignal: only("STOPSIGNAL"),
    entrypoint: JSON.parse(only("ENTRYPOINT")),
    command: JSON.parse(texts("CMD")[0] ?? "[]"),
    healthCheck: JSON.parse(/ CMD (\[.*\])$/.exec(health)![1]),
    healthCheckTimes: Object.fromEntries(
      [...health.matchAll(/--(\S+)=(\d+)s/g)]
        .map(([, name, seconds]) => [name, Number(seconds)]),
    ),
  };
}

function instructions(): Instruction[] {
  return TEXT.replace(/^#.*\n/gm, "").replace(/ *\\\n\s*/g, " ").split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, keyword, text] = /^([A-Z]+) (.*)$/.exec(line)!;
      return [keyword, text] as const;
    });
}

/** `NAME=value NAME="a value"`. */
function pairs(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(\S+?)=(?:"([^"]*)"|(\S*))/g)]
      .map(([, name, quoted, plain]) => [name, quoted ?? plain]),
  );
}
