import type { IncomingMessage } from 'node:http';
import { jsonReply, type Reply } from './reply.ts';

/** Whether calls are served; asked at every `GET /health/ready`. */
export type Readiness = () => boolean | Promise<boolean>;

/** `GET /health/live`: the process answers. `GET /health/ready`: calls are served (200) or not yet or no more (503). */
export async function healthReply(request: IncomingMessage, ready: Readiness): Promise<Reply> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const reply = jsonReply(405, { message: 'GET or HEAD' });
    return { ...reply, headers: { ...reply.headers, allow: 'GET, HEAD' } };
  }
  switch (request.url) {
    case '/health/live':
      return jsonReply(200, { status: 'live' });
    case '/health/ready':
      return (await ready()) ? jsonReply(200, { status: 'ready' }) : jsonReply(503, { status: 'not ready' });
    default:
      return jsonReply(404, { message: 'There are /health/live and /health/ready.' });
  }
}
