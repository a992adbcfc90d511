import type { IncomingMessage } from 'node:http';
import { jsonReply, type Reply } from './reply.ts';
import { sameText } from './same-text.ts';

/** What a monitor reads, and the secret by which it may. */
export interface MetricsEndpoint {
  /** Printable ASCII. */
  readonly token: string;
  read(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** `GET /metrics` with `Authorization: Bearer <token>`. Who has none learns nothing, from this machine neither: sessions run on it. */
export async function metricsReply(request: IncomingMessage, metrics: MetricsEndpoint | undefined): Promise<Reply> {
  if (metrics === undefined) return jsonReply(404, { message: 'PARTHENON_METRICS is off.' });
  const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (given === undefined || !sameText(metrics.token, given)) {
    const message =
      'Authorization: Bearer and the token in PARTHENON_METRICS_TOKEN, or in metrics-token in PARTHENON_HOME';
    return withHeaders(jsonReply(401, { message }), { 'www-authenticate': 'Bearer realm="metrics"' });
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return withHeaders(jsonReply(405, { message: 'GET or HEAD' }), { allow: 'GET, HEAD' });
  }
  const { contentType, text } = await metrics.read();
  return {
    status: 200,
    headers: { 'content-type': contentType, 'cache-control': 'no-store' },
    body: Buffer.from(text),
  };
}

function withHeaders(reply: Reply, headers: Reply['headers']): Reply {
  return { ...reply, headers: { ...reply.headers, ...headers } };
}
