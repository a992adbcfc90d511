/** What of gRPC's protocol the server itself speaks. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const GRPC_STATUS = { FAILED_PRECONDITION: 9, INTERNAL: 13, UNAVAILABLE: 14, UNAUTHENTICATED: 16 } as const;

const LINGER_MILLIS = 1000;

/** Why a call is not served, in gRPC's terms. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly status: number;

  constructor(status: keyof typeof GRPC_STATUS, message: string) {
    super(message);
    this.status = GRPC_STATUS[status];
  }

  /** As headers of a reply that has nothing else, or trailers of one that had begun. */
  get trailers(): OutgoingHttpHeaders {
    return { 'grpc-status': String(this.status), 'grpc-message': encodeURIComponent(this.message) };
  }
}

/** Answers a call, which has had no answer yet, with nothing but an error. */
export function refuse(stream: ServerHttp2Stream, error: GrpcError): void {
  if (stream.destroyed || stream.headersSent) return;
  const head = { [constants.HTTP2_HEADER_STATUS]: 200, 'content-type': 'application/grpc', ...error.trailers };
  stream.respond(head, { endStream: true });
  stopListening(stream);
}

/** For a call that is answered before its client has said everything: what it still says is for nobody. */
export function stopListening(stream: ServerHttp2Stream): void {
  stream.resume();
  // gRPC's clients end it themselves; a reset right now would overtake the trailers.
  if (!stream.readableEnded) setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), LINGER_MILLIS).unref();
}

/** Without what belongs to one connection. */
export function forwardable(headers: IncomingHttpHeaders, dropped: readonly string[] = []): OutgoingHttpHeaders {
  const own = [':authority', ':scheme', 'host', ...dropped];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !own.includes(name)));
}
