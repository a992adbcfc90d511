import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { isOfAnotherSession } from './endpoint.ts';
import { forwardable, GrpcError, refuse } from './grpc.ts';
import type { ConnectContext } from './session-endpoint.ts';
import { SessionLinks } from './links.ts';

const TOKEN = 'x-aws-proxy-auth';
const AUTHORIZATION = 'authorization';

/**
 * Calls that go on with a query that runs, or let go of one: a token's end does not cut what began before it, and Spark itself ends an
 * answer every two minutes, for the client to ask for the rest.
 */
const GOES_ON = /\/(ReattachExecute|ReleaseExecute)$/;

/** Serves Spark Connect's clients: finds the session that the token is for, and passes their calls on to it. */
export class ConnectProxy {
  readonly #context: ConnectContext;
  readonly #links: SessionLinks;

  constructor(context: ConnectContext) {
    this.#context = context;
    this.#links = new SessionLinks(context.sessions);
  }

  /** Answers one gRPC call, whatever becomes of it. */
  readonly serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    stream.on('error', () => undefined);
    this.#serve(stream, headers).catch((error: unknown) => {
      if (!(error instanceof GrpcError)) this.#context.sessions.logger.error({ err: error }, 'A gRPC call failed');
      refuse(stream, error instanceof GrpcError ? error : new GrpcError('INTERNAL', 'An internal error has occurred.'));
    });
  };

  /** Ends every call. */
  close(): void {
    this.#links.close();
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const sessionId = this.#sessionOf(headers);
    const done = this.#context.sessions.activity.begin(sessionId);
    stream.once('close', done);
    const link = await this.#links.to(sessionId);
    if (stream.destroyed) return;
    link.forward(stream, forwardable(headers, [TOKEN, AUTHORIZATION]));
  }

  /** @throws GrpcError UNAUTHENTICATED */
  #sessionOf(headers: IncomingHttpHeaders): string {
    const given = headers[TOKEN] ?? /^Bearer (.+)$/i.exec(headers[AUTHORIZATION] ?? '')?.[1];
    if (typeof given !== 'string') {
      throw unauthenticated(`No token: GetSessionEndpoint gives one, which every call carries as ${TOKEN}.`);
    }
    const token = this.#context.tokens.read(given);
    if (token === undefined) throw unauthenticated('The token is not one of this server.');
    if (isOfAnotherSession(headers[':authority'], token.sessionId)) {
      throw unauthenticated("The token is another session's.");
    }
    if (token.expired && !GOES_ON.test(headers[':path'] ?? '')) {
      throw unauthenticated('The token has expired: GetSessionEndpoint gives a new one.');
    }
    return token.sessionId;
  }
}

function unauthenticated(message: string): GrpcError {
  return new GrpcError('UNAUTHENTICATED', message);
}
