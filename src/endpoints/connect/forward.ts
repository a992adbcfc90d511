import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { forwardable, type GrpcError, refuse, stopListening } from './grpc.ts';

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } = constants;

/** One call that is passed on to a session. */
export interface ForwardedCall {
  /** Ends it for both sides; its client sees the error behind whatever it has been sent. */
  end(error: GrpcError): void;
}

/**
 * Passes a call on and its answer back: headers, messages as they come, trailers. Each side is read as fast as the other takes it.
 * @param head headers for the session
 * @param onBroken called when the session's side breaks off before the answer's end; may end the call
 */
export function forwardCall(
  stream: ServerHttp2Stream,
  session: ClientHttp2Session,
  head: OutgoingHttpHeaders,
  onBroken: (call: ForwardedCall) => void,
): ForwardedCall {
  const upstream = session.request(head);
  let trailers: OutgoingHttpHeaders = {};
  let answered = false;

  const end = (error: GrpcError): void => {
    if (answered) return;
    answered = true;
    upstream.unpipe(stream);
    cancel(upstream);
    if (!stream.headersSent) {
      refuse(stream, error);
      return;
    }
    trailers = error.trailers;
    stream.end();
  };
  const call: ForwardedCall = { end };

  stream.on('wantTrailers', () => {
    stream.sendTrailers(trailers);
    stopListening(stream);
  });
  // Its client has gone, or has cancelled the call.
  stream.on('close', () => cancel(upstream));
  stream.pipe(upstream);

  upstream.on('response', (headers, flags) => {
    if (answered || stream.destroyed) return;
    if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) {
      answered = true;
      stream.respond(forwardable(headers), { endStream: true });
      stopListening(stream);
      return;
    }
    stream.respond(forwardable(headers), { waitForTrailers: true });
    upstream.pipe(stream, { end: false });
  });
  upstream.on('trailers', (headers: IncomingHttpHeaders) => {
    if (!answered) trailers = forwardable(headers);
  });
  upstream.on('end', () => {
    // An answer that ends without a status has been cut off; 'close' tells.
    if (answered || trailers['grpc-status'] === undefined) return;
    answered = true;
    stream.end();
  });
  upstream.on('error', () => undefined); // 'close' follows
  upstream.on('close', () => {
    if (!answered && !stream.destroyed) onBroken(call);
  });
  return call;
}

function cancel(stream: ClientHttp2Stream): void {
  if (!stream.closed) stream.close(stream.readableEnded ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
}
