import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  createTraceState,
  isSpanContextValid,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import { type CallersTrace, NO_SPAN, type Span, type SpanAttributes, type Tracing, traceBy } from '../spans.ts';

/** Spans leave together, so often; the collector is a neighbour. */
const EXPORT_MILLIS = 1_000;
/** A stop does not wait longer for a collector that is away. */
const SHUTDOWN_MILLIS = 3_000;

/** https://www.w3.org/TR/trace-context/#traceparent-header; later versions may have more after it. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const SAMPLED = 1;

export interface TracesOptions {
  /** `otlp`: as the standard's OTEL_EXPORTER_OTLP_… variables say; else the collector's URL. */
  readonly to: string;
  readonly version: string;
  readonly logger: Logger;
}

/**
 * Sends traces by OTLP over HTTP from now on. Variables of the standard, such as OTEL_EXPORTER_OTLP_HEADERS and OTEL_SERVICE_NAME,
 * count: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 * @returns what sends the rest and ends it
 */
export function openTraces({ to, version, logger }: TracesOptions): () => Promise<void> {
  const exporter = tellingFailures(new OTLPTraceExporter(to === 'otlp' ? {} : { url: tracesUrl(to) }), logger);
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'parthenon', 'service.version': version }))
      .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: EXPORT_MILLIS })],
  });
  traceBy(tracingOf(provider.getTracer('parthenon', version)));
  return async () => {
    traceBy(undefined);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, SHUTDOWN_MILLIS);
    await Promise.race([provider.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
  };
}

function tracesUrl(to: string): string {
  return /\/v1\/traces\/?$/.test(to) ? to : `${to.replace(/\/$/, '')}/v1/traces`;
}

function tracingOf(tracer: Tracer): Tracing {
  const current = new AsyncLocalStorage<OtelSpan>();
  return {
    begin(callers, unasked) {
      const parent = remoteParent(callers);
      // A caller that traces and does not want this one says so.
      if (parent === undefined ? !unasked : !parent.sampled) return undefined;
      const span = tracer.startSpan('call', { kind: SpanKind.SERVER }, parent?.context ?? ROOT_CONTEXT);
      return {
        traceId: span.spanContext().traceId,
        run: (work) => current.run(span, work),
        end(name, attributes, failure) {
          span.updateName(name).setAttributes(attributes);
          if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
          span.end();
        },
      };
    },
    async span(name, attributes, work, { begunAt, root }) {
      const parent = current.getStore();
      if (parent === undefined && root !== true) return await work(NO_SPAN);
      const span = tracer.startSpan(name, { attributes, startTime: begunAt }, contextOf(parent));
      try {
        return await current.run(span, () => work(shown(span, tracer)));
      } catch (error) {
        const { name: type, message } = error as Error;
        span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR, message: firstLine(message) });
        throw error;
      } finally {
        span.end();
      }
    },
    current() {
      const span = current.getStore();
      return span && { span: shown(span, tracer), ...span.spanContext() };
    },
    outside: (work) => current.exit(work),
  };
}

function shown(span: OtelSpan, tracer: Tracer): Span {
  return {
    recording: true,
    set: (attributes) => void span.setAttributes(attributes),
    fail: (reason) => void span.setStatus({ code: SpanStatusCode.ERROR, message: firstLine(reason) }),
    past(name, begunAt, endedAt, attributes: SpanAttributes = {}) {
      tracer.startSpan(name, { attributes, startTime: begunAt }, contextOf(span)).end(endedAt);
    },
  };
}

function contextOf(parent: OtelSpan | undefined): Context {
  return parent === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, parent);
}

function remoteParent({ traceparent, tracestate }: CallersTrace): { context: Context; sampled: boolean } | undefined {
  const [, , traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  const traceFlags = Number.parseInt(flags, 16) & SAMPLED;
  const traceState = tracestate === undefined ? undefined : createTraceState(tracestate);
  const spanContext = { traceId, spanId, traceFlags, traceState, isRemote: true };
  if (!isSpanContextValid(spanContext)) return undefined;
  return { context: trace.setSpanContext(ROOT_CONTEXT, spanContext), sampled: traceFlags === SAMPLED };
}

/** Once for a time of failure: each batch would have a line in the log else. */
function tellingFailures(exporter: OTLPTraceExporter, logger: Logger): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error !== undefined && !failing) {
          logger.warn({ reason: firstLine(result.error.message) }, 'Traces cannot be sent: they are lost');
        } else if (result.error === undefined && failing) logger.info('Traces are sent again');
        failing = result.error !== undefined;
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

/** The rest of a driver's reason is the end of its log. */
function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 256);
}
