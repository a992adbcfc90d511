/**
 * Where time goes, as the rooms tell it to whoever traces (`telemetry/traces.ts`). No room knows OpenTelemetry; where nobody traces,
 * work is simply done. A span's children are found by the asynchronous context that they run in, background work included.
 */

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Span {
  /** False where nobody traces: what takes work to find out need not be found out then. */
  readonly recording: boolean;
  set(attributes: SpanAttributes): void;
  /** Marks it as failed; work that throws marks its own. */
  fail(reason: string): void;
  /** A child whose times are known: milliseconds since 1970. It may be told when its parent has ended. */
  past(name: string, begunAt: number, endedAt: number, attributes?: SpanAttributes): void;
}

export interface SpanOptions {
  /** Milliseconds since 1970; now unless told. */
  readonly begunAt?: number;
  /** Begins a trace of its own where there is none. */
  readonly root?: boolean;
}

/** A call from outside. */
export interface CallSpan {
  readonly traceId: string;
  run<Result>(work: () => Result): Result;
  /** Without it nothing of the span is kept: whoever signs nothing traces nothing. */
  end(name: string, attributes: SpanAttributes, failure: string | undefined): void;
}

/** What a caller said of its own trace: https://www.w3.org/TR/trace-context/ */
export interface CallersTrace {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

export interface Tracing {
  /** @param unasked whether the call is traced where its caller traces nothing */
  begin(callers: CallersTrace, unasked: boolean): CallSpan | undefined;
  span<Result>(
    name: string,
    attributes: SpanAttributes,
    work: (span: Span) => Promise<Result>,
    options: SpanOptions,
  ): Promise<Result>;
  current(): { readonly span: Span; readonly traceId: string; readonly spanId: string } | undefined;
  outside<Result>(work: () => Result): Result;
}

export const NO_SPAN: Span = {
  recording: false,
  set: () => undefined,
  fail: () => undefined,
  past: () => undefined,
};

let tracing: Tracing | undefined;

/** Traces all that the rooms do from now on; `undefined` ends it. */
export function traceBy(next: Tracing | undefined): void {
  tracing = next;
}

/** Does work as a span below the current one; without one it is no span. */
export function spanned<Result>(
  name: string,
  attributes: SpanAttributes,
  work: (span: Span) => Promise<Result>,
  options: SpanOptions = {},
): Promise<Result> {
  return tracing === undefined ? work(NO_SPAN) : tracing.span(name, attributes, work, options);
}

/** @param question asked only where somebody traces */
export function beginCall(question: () => CallersTrace & { readonly unasked: boolean }): CallSpan | undefined {
  if (tracing === undefined) return undefined;
  const { unasked, ...callers } = question();
  return tracing.begin(callers, unasked);
}

/** Adds to the current span. */
export function noteOnSpan(attributes: SpanAttributes): void {
  tracing?.current()?.span.set(attributes);
}

/** Ids of the current span, in the words of W3C Trace Context: for log lines. */
export function currentTrace(): { traceId: string; spanId: string } | undefined {
  const current = tracing?.current();
  return current && { traceId: current.traceId, spanId: current.spanId };
}

/** Does work that belongs to no call, whoever has set it off. */
export function outsideTraces<Result>(work: () => Result): Result {
  return tracing === undefined ? work() : tracing.outside(work);
}
