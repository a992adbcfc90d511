import type { Server } from 'node:http';
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { TlsOptions, TLSSocket } from 'node:tls';
import type { Connections } from './connections.ts';

/** Answers one gRPC call, errors included; never throws. */
export type GrpcHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export interface GrpcLimits {
  /** How long a connection without calls is kept. */
  readonly keepAliveMillis: number;
  /** How long a connection may take until it shows what it speaks. */
  readonly headersMillis: number;
}

/** What one call may have on its way, unread. */
const WINDOW_BYTES = 1024 * 1024;
const FRAME_BYTES = 256 * 1024;
/** Of one connection, in megabytes: Node refuses new calls beyond. */
const MEMORY_MEGABYTES = 256;
const CALLS_AT_ONCE = 256;
/** Finds clients that have gone without a word. */
const PROBE_MILLIS = 60_000;

/** Methods of HTTP/1.1 begin otherwise. https://www.rfc-editor.org/rfc/rfc9113#section-3.4 */
const PREFACE = 'PRI';

/**
 * Clients that could speak HTTP/1.1 do, as before: gRPC's offer nothing but HTTP/2. Amazon's SDK for Go would take HTTP/2 for S3 else.
 */
export const alpn: Pick<TlsOptions, 'ALPNCallback'> = {
  ALPNCallback: ({ protocols }) => ['http/1.1', 'h2'].find((name) => protocols.includes(name)),
};

/** The HTTP/2 side of a server's port: gRPC and nothing else. */
export class Http2Side {
  readonly #http2: Http2Server;
  readonly #limits: GrpcLimits;
  readonly #connections: Connections;
  /** What each connection carries. */
  readonly #sessions = new Map<ServerHttp2Session, Carried>();
  /** Have not shown yet what they speak. */
  readonly #undecided = new Set<Socket>();

  constructor(serve: GrpcHandler, limits: GrpcLimits, connections: Connections) {
    this.#limits = limits;
    this.#connections = connections;
    this.#http2 = createServer({
      settings: {
        initialWindowSize: WINDOW_BYTES,
        maxFrameSize: FRAME_BYTES,
        maxConcurrentStreams: CALLS_AT_ONCE,
      },
      maxSessionMemory: MEMORY_MEGABYTES,
    });
    this.#http2.setTimeout(limits.keepAliveMillis);
    this.#http2.on('session', (session) => this.#keep(session));
    this.#http2.on('timeout', (session: ServerHttp2Session) => {
      if (this.#sessions.get(session)?.calls === 0) session.close();
    });
    this.#http2.on('stream', (stream, headers) => {
      this.#count(stream);
      if (/^application\/grpc\b/.test(headers['content-type'] ?? '')) serve(stream, headers);
      else refuse(stream);
    });
  }

  /** Takes the connections of a plain server that begin with HTTP/2's preface. */
  sharePort(http: Server): void {
    const serveHttp1 = takeOver(http, 'connection');
    http.on('connection', (socket: Socket) => this.#decide(http, socket, serveHttp1));
  }

  /** Takes the connections of a TLS server whose clients have agreed on HTTP/2; it must have been made with {@link alpn}. */
  shareTlsPort(https: Server): void {
    const serveHttp1 = takeOver(https, 'secureConnection');
    https.on('secureConnection', (socket: TLSSocket) => {
      if (socket.alpnProtocol === 'h2') this.#take(socket);
      else serveHttp1.call(https, socket);
    });
  }

  /** Takes no more calls; cuts off at the deadline what has not ended. */
  close(deadlineMillis: number): void {
    for (const socket of this.#undecided) socket.destroy();
    for (const session of this.#sessions.keys()) session.close();
    setTimeout(() => {
      for (const session of this.#sessions.keys()) session.destroy();
    }, deadlineMillis).unref();
  }

  #take(socket: Socket): void {
    socket.setKeepAlive(true, PROBE_MILLIS);
    this.#http2.emit('connection', socket);
  }

  #decide(http: Server, socket: Socket, serveHttp1: ConnectionListener): void {
    this.#undecided.add(socket);
    let head = Buffer.alloc(0);
    const decided = () => {
      clearTimeout(timer);
      this.#undecided.delete(socket);
      socket.off('readable', look);
      socket.off('end', leave);
      socket.off('close', decided);
      socket.off('error', ignore);
    };
    const look = () => {
      const more: Buffer | null = socket.read();
      if (more === null) return;
      head = Buffer.concat([head, more]);
      const begin = head.toString('latin1', 0, PREFACE.length);
      // The shortest request of HTTP/1 is shorter, and nothing follows it.
      if (begin !== PREFACE && PREFACE.startsWith(begin)) return;
      decided();
      socket.unshift(head);
      if (begin === PREFACE) this.#take(socket);
      else serveHttp1.call(http, socket);
    };
    // Went without a word; the server's sockets stay half open until somebody ends them.
    const leave = () => {
      decided();
      socket.destroy();
    };
    const timer = setTimeout(() => {
      decided();
      http.emit('clientError', Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
    }, this.#limits.headersMillis);
    socket.on('readable', look);
    socket.on('end', leave);
    socket.on('close', decided);
    socket.on('error', ignore);
  }

  #keep(session: ServerHttp2Session): void {
    session.setLocalWindowSize(4 * WINDOW_BYTES);
    this.#sessions.set(session, { calls: 0, idle: () => undefined });
    session.on('error', ignore);
    session.once('close', () => this.#sessions.delete(session));
  }

  #count(stream: ServerHttp2Stream): void {
    const session = stream.session as ServerHttp2Session | undefined;
    const carried = session && this.#sessions.get(session);
    if (session === undefined || carried === undefined) return;
    // For who makes room for others, however many calls there are.
    if (carried.calls === 0) carried.idle = this.#connections.begin(session.socket as Socket) ?? carried.idle;
    carried.calls += 1;
    stream.once('close', () => {
      carried.calls -= 1;
      if (carried.calls === 0) carried.idle();
    });
  }
}

interface Carried {
  calls: number;
  /** Says that the connection has no call under way any more. */
  idle: () => void;
}

type ConnectionListener = (this: Server, socket: Socket) => void;

/** @returns Node's own listener, by which HTTP/1.1 is served, and which is called no more by itself */
function takeOver(server: Server, event: 'connection' | 'secureConnection'): ConnectionListener {
  const [listener] = server.listeners(event) as ConnectionListener[];
  if (listener === undefined) throw new Error(`The server has no listener for ${event}`);
  server.removeListener(event, listener);
  return listener;
}

function refuse(stream: ServerHttp2Stream): void {
  stream.on('error', ignore);
  const head = { [constants.HTTP2_HEADER_STATUS]: 415, 'content-type': 'text/plain' };
  stream.respond(head);
  stream.end('Only gRPC is served over HTTP/2 here; everything else over HTTP/1.1.\n');
  stream.resume();
}

function ignore(): void {}
