import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A span as OTLP's JSON carries it: https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto */
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly status: { code?: number; message?: string };
}

export interface ReceivedSpan extends Pick<OtlpSpan, 'traceId' | 'spanId' | 'name' | 'kind' | 'status'> {
  readonly parentSpanId: string | undefined;
  /** Milliseconds since 1970. */
  readonly begun: number;
  readonly ended: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Attributes of who sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** An OTLP/HTTP collector that keeps what it gets. */
export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Headers of each request. */
  readonly headers: readonly NodeJS.Dict<string | string[]>[];
  /** Answers so from now on. */
  answer(status: number): void;
}

export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const headers: NodeJS.Dict<string | string[]>[] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as Export;
    headers.push(request.headers);
    if (status === 200 && request.method === 'POST' && request.url === '/v1/traces') spans.push(...spansOf(body));
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: address,
    spans,
    headers,
    answer: (next) => {
      status = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: OtlpSpan['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

function spansOf({ resourceSpans }: Export): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId, name, kind, status, ...span }) => ({
        ...{ traceId, spanId, name, kind, status },
        parentSpanId: parentSpanId || undefined,
        begun: Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000,
        ended: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000,
        attributes: readAttributes(span.attributes),
        resource: readAttributes(resource.attributes),
      })),
    ),
  );
}

function readAttributes(attributes: OtlpSpan['attributes']): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, boolValue, doubleValue } }) => [
      key,
      stringValue ?? boolValue ?? doubleValue ?? Number(intValue),
    ]),
  );
}
