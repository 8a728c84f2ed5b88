/**
 * Traces of OpenTelemetry: what this server adds to the spans that Deno makes
 * of each request with `OTEL_DENO=true`. Deno takes the client's trace context,
 * keeps the span current while the request runs, and exports it.
 */

/** The identity of a span (W3C Trace Context, 2.2). */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** A span, as far as it is used here. */
export interface Span {
  spanContext(): SpanContext;
  updateName(name: string): void;
  setAttribute(name: string, value: string | number): void;
  setStatus(status: { code: number; message?: string }): void;
  recordException(error: Error | string): void;
  end(): void;
}

/** OpenTelemetry's API, as Deno registers it for all its users. */
interface Api {
  readonly trace: {
    getTracer(name: string): {
      startSpan(
        name: string,
        options: { kind: number; attributes: Record<string, string | number> },
        context: Context,
      ): Span;
    };
  };
  readonly context: { active(): Context };
}

interface Context {
  getValue(key: symbol): unknown;
}

const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
const CLIENT = 2;
const ERROR = 2;

/** Null unless Deno traces: then nothing of this costs anything. */
const api = ((globalThis as unknown as Record<symbol, unknown>)[
  Symbol.for("opentelemetry.js.api.1")
] ?? null) as Api | null;

/** True if Deno traces. */
export const isTracing: boolean = api !== null;

/** The span of the request that runs at the moment; null without one. */
export function currentSpan(): Span | null {
  if (api === null) return null;
  return (api.context.active().getValue(SPAN) ?? null) as Span | null;
}

/** Names the mount that serves the current request: `/docs/*`. */
export function traceRoute(method: string, route: string): void {
  const span = currentSpan();
  span?.setAttribute("http.route", route);
  span?.updateName(`${method} ${route}`);
}

/** Says in a span what failed. */
export function traceError(span: Span | null, error: unknown): void {
  if (span === null) return;
  const known = error instanceof Error ? error : String(error);
  span.recordException(known);
  span.setAttribute(
    "error.type",
    error instanceof Error ? error.name : "Error",
  );
  span.setStatus({
    code: ERROR,
    message: error instanceof Error ? error.message : String(error),
  });
}

/** What is known of a request to another server before it is sent. */
export interface ClientRequest {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly port: number;
}

/** Begins the span of a request to another server; null where none is traced. */
export function startClientSpan(
  { method, url, host, port }: ClientRequest,
): Span | null {
  if (api === null) return null;
  return api.trace.getTracer("pagi-server").startSpan(method, {
    kind: CLIENT,
    attributes: {
      "http.request.method": method,
      "url.full": url,
      "server.address": host,
      "server.port": port,
    },
  }, api.context.active());
}

/** Ends it with the status of the answer. */
export function endClientSpan(span: Span | null, status: number): void {
  if (span === null) return;
  span.setAttribute("http.response.status_code", status);
  if (status >= 400) {
    span.setAttribute("error.type", String(status));
    span.setStatus({ code: ERROR });
  }
  span.end();
}

/** The field `traceparent` that makes a span the parent of what it causes. */
export function traceParent(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const flags = traceFlags.toString(16).padStart(2, "0");
  return `00-${traceId}-${spanId}-${flags}`;
}
