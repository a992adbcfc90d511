import { type ClientHttp2Session, connect, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SparkConnectAddress } from '../../drivers/driver.ts';
import type { SessionsContext } from '../../sessions/context.ts';
import { findSession } from '../../store/sessions.ts';
import type { SessionRow } from '../../store/tables.ts';
import { type ForwardedCall, forwardCall } from './forward.ts';
import { GrpcError } from './grpc.ts';
import { isEnding, notActiveMessage } from './session-endpoint.ts';

const SECRET = 'x-parthenon-secret';

/** What one call may have on its way, unread: enough to keep a connection busy, and what a stalled client costs. */
const WINDOW_BYTES = 1024 * 1024;
const FRAME_BYTES = 256 * 1024;
/** Of one connection, in megabytes: Node refuses new calls beyond. */
const MEMORY_MEGABYTES = 256;

/** A connection that breaks may be a driver's end that nobody has recorded yet. */
const END_WAIT_MILLIS = 3_000;
const LOOK_MILLIS = 50;

/** The connections to sessions' Spark Connect: one for each session that is in use. */
export class SessionLinks {
  readonly #context: SessionsContext;
  readonly #links = new Map<string, Promise<SessionLink>>();
  #closed = false;

  constructor(context: SessionsContext) {
    this.#context = context;
  }

  /** @throws GrpcError FAILED_PRECONDITION for a session that has ended, UNAVAILABLE for one that is not to be reached */
  async to(sessionId: string): Promise<SessionLink> {
    if (this.#closed) throw stopping();
    const link = this.#links.get(sessionId) ?? this.#open(sessionId);
    this.#links.set(sessionId, link);
    return await link;
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.then((each) => each.close(stopping())).catch(() => undefined);
  }

  async #open(sessionId: string): Promise<SessionLink> {
    try {
      const link = new SessionLink(this.#context, sessionId, await addressOf(this.#context, sessionId));
      link.closed.then(() => this.#links.delete(sessionId));
      return link;
    } catch (error) {
      this.#links.delete(sessionId);
      throw error;
    }
  }
}

/** One connection to a session, and the calls that go through it. */
export class SessionLink {
  /** Resolves when it is of no more use. */
  readonly closed: Promise<void>;
  readonly #context: SessionsContext;
  readonly #sessionId: string;
  readonly #secret: string;
  readonly #http2: ClientHttp2Session;
  readonly #calls = new Set<ForwardedCall>();

  constructor(context: SessionsContext, sessionId: string, { port, secret }: SparkConnectAddress) {
    this.#context = context;
    this.#sessionId = sessionId;
    this.#secret = secret;
    this.#http2 = connect(`http://127.0.0.1:${port}`, {
      settings: { initialWindowSize: WINDOW_BYTES, maxFrameSize: FRAME_BYTES, enablePush: false },
      maxSessionMemory: MEMORY_MEGABYTES,
    });
    this.#http2.on('connect', () => this.#http2.setLocalWindowSize(4 * WINDOW_BYTES));
    this.#http2.on('error', () => undefined); // 'close' follows
    const unwatch = context.changes.watch(sessionId, () => void this.#look());
    this.closed = new Promise((resolve) => {
      this.#http2.once('close', () => {
        unwatch();
        resolve();
      });
      this.#http2.once('goaway', () => resolve());
    });
  }

  forward(stream: ServerHttp2Stream, head: OutgoingHttpHeaders): void {
    if (this.#http2.closed || this.#http2.destroyed) {
      throw new GrpcError('UNAVAILABLE', 'The connection to the session broke; try again.');
    }
    const onBroken = (broken: ForwardedCall) => void this.#explain(broken);
    const call = forwardCall(stream, this.#http2, { ...head, [SECRET]: this.#secret }, onBroken);
    this.#calls.add(call);
    stream.once('close', () => this.#calls.delete(call));
  }

  close(reason: GrpcError): void {
    for (const call of this.#calls) call.end(reason);
    this.#http2.close();
  }

  /** The session has changed: when it ends, its calls end now, not when its JVM has got to it. */
  async #look(): Promise<void> {
    const row = await findSession(this.#context.database, this.#sessionId).catch(() => undefined);
    if (row !== undefined && isEnding(row)) this.close(notActive(row));
  }

  /** Tells a call that was cut off why: its session has ended, or the connection has. */
  async #explain(call: ForwardedCall): Promise<void> {
    const deadline = Date.now() + END_WAIT_MILLIS;
    do {
      const row = await findSession(this.#context.database, this.#sessionId).catch(() => undefined);
      if (row !== undefined && isEnding(row)) {
        call.end(notActive(row));
        return;
      }
      await sleep(LOOK_MILLIS);
    } while (Date.now() < deadline);
    call.end(new GrpcError('UNAVAILABLE', 'The connection to the session broke.'));
  }
}

async function addressOf(context: SessionsContext, sessionId: string): Promise<SparkConnectAddress> {
  await context.recovered;
  const row = await findSession(context.database, sessionId);
  if (row === undefined) throw new GrpcError('FAILED_PRECONDITION', `Session not active: ${sessionId} is no more.`);
  if (isEnding(row)) throw notActive(row);
  const driver = context.live.get(sessionId);
  if (driver === undefined) throw new GrpcError('UNAVAILABLE', `Session ${sessionId} has no driver at the moment.`);
  try {
    return await driver.sparkConnect();
  } catch (error) {
    throw new GrpcError('UNAVAILABLE', (error as Error).message.split('\n', 1)[0] ?? '');
  }
}

function stopping(): GrpcError {
  return new GrpcError('FAILED_PRECONDITION', 'Session not active: the server is being stopped.');
}

function notActive(row: SessionRow): GrpcError {
  return new GrpcError('FAILED_PRECONDITION', notActiveMessage(row));
}
