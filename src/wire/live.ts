/** Live output over HTTP: server-sent events, signed as every call of Athena. docs/live-output.md */
import { hash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { AccessKeys } from '../access/principal.ts';
import { ServiceUnavailableException, TooManyRequestsException, UnknownOperationException } from '../errors.ts';
import type { LiveEvent, LiveOutput } from '../operations/live-output.ts';
import { callOf } from './athena.ts';
import type { CallRecord } from './call-record.ts';
import { encodeOutput } from './codec.ts';
import type { RateLimit } from './rate-limit.ts';
import { createSignatureVerifier } from './sigv4.ts';
import { pathOf, signedRequestOf } from './sigv4-parse.ts';

/** Streams at once, in all and of one caller: each holds a connection, two descriptors and some hundred kibibytes. */
const MOST_STREAMS = 256;
const MOST_OF_ONE_CALLER = 64;
/** Shows both sides, and whatever lies between, that the connection lives. */
const HEARTBEAT_MILLIS = 15_000;
/** Who has lost the right to listen does not listen for longer: the client comes back with a new signature. */
const LONGEST_MILLIS = 15 * 60_000;
/** What a client waits until it comes back, unless it knows better. */
const RETRY_MILLIS = 1000;
const NO_BODY = hash('sha256', '');
const PATH = /^\/live\/(?:(calculations)|(sessions))\/([\w-]{1,64})$/;

export interface LiveEndpointOptions {
  readonly live: LiveOutput;
  readonly keys: AccessKeys;
  readonly region: string;
  readonly rate?: RateLimit | undefined;
  readonly now?: () => Date;
  readonly logger: Logger;
}

export class LiveEndpoint {
  readonly #options: LiveEndpointOptions;
  readonly #verifier: ReturnType<typeof createSignatureVerifier>;
  readonly #closing = new AbortController();
  readonly #listeners = new Map<string, number>();
  #streams = 0;

  constructor(options: LiveEndpointOptions) {
    this.#options = options;
    this.#verifier = createSignatureVerifier({ ...options, services: ['athena'] });
  }

  /** Whether a request that is signed for Athena is for this endpoint. */
  static takes(request: IncomingMessage): boolean {
    return pathOf(request).startsWith('/live/');
  }

  /**
   * Answers with a stream, and returns at its end.
   * @throws ServiceError before the stream has begun
   */
  async answer(request: IncomingMessage, response: ServerResponse, record: CallRecord): Promise<void> {
    const [, calculations, , id = ''] = PATH.exec(pathOf(request)) ?? [];
    if (request.method !== 'GET' || id === '') throw unknownPath();
    const kind = calculations === undefined ? 'sessions' : 'calculations';
    record.operation = kind === 'sessions' ? 'FollowSession' : 'FollowCalculationExecution';
    const signed = signedRequestOf(request);
    const { principal } = await this.#verifier.verify(signed, NO_BODY);
    record.principal = principal;
    using _place = this.#take(principal.arn);
    const ended = new AbortController();
    const end = () => ended.abort();
    const closing = this.#closing.signal;
    closing.addEventListener('abort', end);
    response.once('close', end);
    if (response.closed) end();
    const tooLong = setTimeout(end, LONGEST_MILLIS);
    try {
      if (closing.aborted) throw new ServiceUnavailableException('The server is being stopped.');
      const call = {
        ...callOf(principal, record),
        lastEventId: lastEventIdOf(request),
        follow: new URLSearchParams(signed.rawQuery).get('follow') !== 'false',
        signal: ended.signal,
      };
      const events = await this.#options.live[kind](id, call);
      record.answeredAt = performance.now();
      // By 204 a client knows not to come back.
      if (events === undefined) response.writeHead(204).end();
      else await this.#send(response, events, ended.signal);
    } finally {
      clearTimeout(tooLong);
      closing.removeEventListener('abort', end);
      response.off('close', end);
    }
  }

  /** Ends all streams; their clients come back with where they have got to. */
  close(): void {
    this.#closing.abort();
  }

  async #send(response: ServerResponse, events: AsyncIterable<LiveEvent>, signal: AbortSignal): Promise<void> {
    // Nothing else comes over this connection: at the server's stop it must not be kept for that.
    response.shouldKeepAlive = false;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(`retry: ${RETRY_MILLIS}\n\n`);
    const heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(':\n\n');
    }, HEARTBEAT_MILLIS);
    try {
      for await (const event of events) {
        if (!response.write(textOf(event))) await once(response, 'drain', { signal });
      }
      response.end();
    } catch (error) {
      if (!signal.aborted) this.#options.logger.warn({ err: error }, 'A stream of live output broke off');
      // Without its end it is no whole stream: the client comes back.
      if (signal.aborted) response.end();
      else response.destroy();
    } finally {
      clearInterval(heartbeat);
    }
  }

  #take(caller: string): Disposable {
    const ofCaller = this.#listeners.get(caller) ?? 0;
    if (this.#streams >= MOST_STREAMS || ofCaller >= MOST_OF_ONE_CALLER) {
      const most = ofCaller >= MOST_OF_ONE_CALLER ? `${MOST_OF_ONE_CALLER} of one caller` : `${MOST_STREAMS}`;
      throw new TooManyRequestsException(
        `Maximum allowed live streams (${most}) reached. End one, or try again later.`,
      );
    }
    this.#streams += 1;
    this.#listeners.set(caller, ofCaller + 1);
    return {
      [Symbol.dispose]: () => {
        this.#streams -= 1;
        const others = (this.#listeners.get(caller) ?? 1) - 1;
        if (others > 0) this.#listeners.set(caller, others);
        else this.#listeners.delete(caller);
      },
    };
  }
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
function textOf(event: LiveEvent): string {
  const data =
    'operation' in event ? encodeOutput(event.operation, event.output).toString() : JSON.stringify(event.data);
  return `event: ${event.event}\nid: ${event.id}\ndata: ${data}\n\n`;
}

function lastEventIdOf({ headers }: IncomingMessage): string | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

function unknownPath(): UnknownOperationException {
  return new UnknownOperationException(
    'Live output is asked for by GET /live/calculations/<CalculationExecutionId> or GET /live/sessions/<SessionId>.',
  );
}
