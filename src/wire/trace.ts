import type { IncomingMessage } from 'node:http';
import { beginCall, type CallSpan } from '../spans.ts';
import { type CallRecord, outcomeOf } from './call-record.ts';

/** Clients poll by these, thousands of times for each call that changes something. */
const READING = /^AmazonAthena\.(Get|List|BatchGet)/;

/**
 * A span for a call. One that changes something in Athena gets its own; one that only reads, or is S3's, of which sessions make
 * thousands, has one where its caller traces.
 */
export function beginTrace({ headers }: IncomingMessage): CallSpan | undefined {
  return beginCall(() => {
    const target = headers['x-amz-target'];
    return {
      traceparent: headers.traceparent?.toString(),
      tracestate: headers.tracestate?.toString(),
      unasked: typeof target === 'string' && !READING.test(target),
    };
  });
}

/** Attributes by https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/ */
export function endTrace(span: CallSpan, record: CallRecord, status: number, answered: boolean): void {
  const { service, operation, requestId, principal, error } = record;
  // Strangers leave nothing: they could fill the collector.
  if (principal === undefined) return;
  const outcome = outcomeOf(record, answered);
  const attributes = {
    'rpc.system': 'aws-api',
    'rpc.service': service,
    'rpc.method': operation,
    'aws.request_id': requestId,
    'http.response.status_code': status,
    'error.type': outcome === 'ok' ? undefined : outcome,
  };
  span.end(operation ?? 'unknown', attributes, error);
}
