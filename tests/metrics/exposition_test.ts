import { Exposition, formatFor } from "../../src/metrics/exposition.ts";
import { assertEquals } from "../../src/std/assert.ts";

function sample(format: "openmetrics" | "prometheus"): string {
  const text = new Exposition(format);
  text.counter("seen_total", "What was seen.")(3, { by: 'a "b"\\\nc' });
  text.histogram("took_seconds", "How long.", [0.5, 1])([1, 0, 2, 9.5]);
  text.info("app_build", "Which.", { version: "1" });
  return text.toString();
}

Deno.test("OpenMetrics names a family of counters without _total, and ends with EOF", () => {
  assertEquals(
    sample("openmetrics"),
    `# HELP seen What was seen.
# TYPE seen counter
seen_total{by="a \\"b\\"\\\\\\nc"} 3
# HELP took_seconds How long.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.5"} 1
took_seconds_bucket{le="1.0"} 1
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 9.5
took_seconds_count 3
# HELP app_build Which.
# TYPE app_build info
app_build_info{version="1"} 1
# EOF
`,
  );
});

Deno.test("the text of Prometheus has its own names and types", () => {
  const text = sample("prometheus");
  assertEquals(/# TYPE seen_total counter/.test(text), true);
  assertEquals(/# TYPE app_build_info gauge/.test(text), true);
  assertEquals(text.includes("EOF"), false);
});

Deno.test("the format is the one that the client likes more", () => {
  const prometheus =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  const cases: [accept: string, format: string][] = [
    ["", "prometheus"],
    ["*/*", "prometheus"],
    [prometheus, "openmetrics"],
    ["Application/OpenMetrics-Text", "openmetrics"],
    ["text/plain, application/openmetrics-text;q=0.5", "prometheus"],
    ["application/openmetrics-text;q=0", "prometheus"],
    ["application/openmetrics-text;q=what", "prometheus"],
    [",;q=,;;", "prometheus"],
  ];
  for (const [accept, format] of cases) {
    assertEquals(formatFor(accept), format, accept);
  }
});
