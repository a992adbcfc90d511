import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import type { Logger } from 'pino';
import type { AssumeRole } from '../access/assume-role.ts';
import type { AccessKeys } from '../access/principal.ts';
import { callAnswered } from '../happenings.ts';
import type { LiveOutput } from '../operations/live-output.ts';
import type { OperationTable } from '../operations/operation.ts';
import { createAthenaEndpoint } from './athena.ts';
import { type Audit, auditLine } from './audit.ts';
import { lingerAfterReply } from './body.ts';
import { newCallRecord, outcomeOf } from './call-record.ts';
import { refuseConnection } from './client-errors.ts';
import { Connections } from './connections.ts';
import { createDispatcher, type PageHandler, type S3Handler } from './dispatch.ts';
import type { Readiness } from './health.ts';
import { alpn, type GrpcHandler, Http2Side } from './http2.ts';
import { LiveEndpoint } from './live.ts';
import { MemoryBudget } from './memory-budget.ts';
import type { MetricsEndpoint } from './metrics.ts';
import { RateLimit } from './rate-limit.ts';
import { pathOf } from './sigv4-parse.ts';
import { createStsEndpoint } from './sts.ts';
import { beginTrace, endTrace } from './trace.ts';
import type { TlsIdentity } from './tls.ts';

/** What one client may take of the server. Times in milliseconds, sizes in bytes. */
export interface WireLimits {
  /** An Athena call's body. AWS's largest is a notebook of 10 MiB. */
  readonly athenaBodyBytes: number;
  readonly athenaBodyMillis: number;
  /** All bodies that are held whole, together. */
  readonly bodiesBytes: number;
  /** All headers of one request. S3 metadata has 2 KiB, a session token a few more. */
  readonly headerBytes: number;
  readonly headersMillis: number;
  /** A whole request, an S3 upload of 5 GiB included. */
  readonly requestMillis: number;
  /** How long a peer may neither send what it has begun nor take what it is sent. */
  readonly stallMillis: number;
  /** How long an idle connection is kept: longer than SDKs pause between polls, so that they do not run into its end. */
  readonly keepAliveMillis: number;
  readonly connections: number;
  /** Of one key, S3 apart; 0 for any number. */
  readonly requestsPerSecond: number;
}

/** Sockets that are being closed, for a moment beside those that are held. */
const CLOSING_CONNECTIONS = 1024;

export const DEFAULT_LIMITS: WireLimits = {
  athenaBodyBytes: 12 * 1024 * 1024,
  athenaBodyMillis: 60_000,
  bodiesBytes: 128 * 1024 * 1024,
  headerBytes: 32 * 1024,
  headersMillis: 20_000,
  requestMillis: 3_600_000,
  stallMillis: 120_000,
  keepAliveMillis: 300_000,
  connections: 4096,
  requestsPerSecond: 10_000,
};

export interface ServerOptions {
  readonly operations: OperationTable;
  readonly keys: AccessKeys;
  readonly region: string;
  /** Gives keys that act with a role. */
  readonly assumeRole?: AssumeRole;
  /** The embedded store's handler; without it the server says that S3 is not served here. */
  readonly s3?: S3Handler;
  /** Answers requests for sessions' Spark UIs. */
  readonly sparkUi?: PageHandler | undefined;
  /** Answers gRPC calls, which come over HTTP/2 to the same port; without it HTTP/2 is not spoken. */
  readonly grpc?: GrpcHandler | undefined;
  /** Tells what calculations and sessions do while they do it; without it nobody can ask. */
  readonly live?: LiveOutput;
  readonly ready: Readiness;
  readonly logger: Logger;
  /** Serves over TLS alone, as this one. */
  readonly tls?: TlsIdentity | undefined;
  /** Where each API call leaves a line. */
  readonly audit?: Audit | undefined;
  /** Without it, nobody reads metrics. */
  readonly metrics?: MetricsEndpoint | undefined;
  readonly limits?: Partial<WireLimits>;
  readonly now?: () => Date;
}

export interface WireServer {
  /** @param port 0 for any free one; @returns where it listens; rejects with Node's error (`EADDRINUSE`, …) */
  listen(port: number, host: string): Promise<AddressInfo>;
  /**
   * Serves the same on the loopback interface without TLS, for what this machine's own sessions ask: their clients need not know
   * who vouches for the certificate.
   * @param port 0 for any free one; @returns the port
   */
  listenPlainly(port: number): Promise<number>;
  /** Shows another certificate from the next connection on. */
  changeTls(identity: TlsIdentity): void;
  /** Takes nothing new, lets what is under way end, and cuts off what has not ended by the deadline. Idempotent. */
  close(deadlineMillis: number): Promise<void>;
}

/** The server's one port: Athena, S3, a little STS, health checks, metrics, sessions' Spark UIs, and gRPC for sessions. */
export function createServer(options: ServerOptions): WireServer {
  const { logger, audit, tls } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const secure = tls && createBoundedServer(limits, { ...tls, ...(options.grpc && alpn) });
  const http = secure ?? createBoundedServer(limits);
  const servers = [http];
  const rate = new RateLimit(limits.requestsPerSecond);
  const connections = new Connections(limits.connections, logger);
  const http2 = options.grpc && new Http2Side(options.grpc, limits, connections);
  const live = options.live && new LiveEndpoint({ ...options, live: options.live, rate });
  const dispatch = createDispatcher({
    live,
    athena: createAthenaEndpoint({ ...options, rate }),
    sts: createStsEndpoint({ ...options, rate }),
    s3: options.s3,
    sparkUi: options.sparkUi,
    ready: options.ready,
    metrics: options.metrics,
    logger,
    athenaBody: { maxBytes: limits.athenaBodyBytes, deadlineMillis: limits.athenaBodyMillis },
    bodies: new MemoryBudget(limits.bodiesBytes),
  });
  const underWay = new Map<Duplex, ServerResponse>();
  let closed: Promise<void> | undefined;

  const take = (request: IncomingMessage, response: ServerResponse, askForBody = (): void => undefined): void => {
    const requestId = randomUUID();
    const { socket } = request;
    const answered = connections.begin(socket);
    if (answered === undefined) {
      socket.destroy();
      return;
    }
    const record = newCallRecord(request, requestId, audit !== undefined);
    const begun = Date.now();
    const since = performance.now();
    const span = beginTrace(request);
    record.traceId = span?.traceId;
    response.setHeader('x-amzn-RequestId', requestId);
    if (closed !== undefined) response.shouldKeepAlive = false;
    underWay.set(socket, response);
    response.once('finish', () => lingerAfterReply(request));
    response.once('close', () => {
      answered();
      if (underWay.get(socket) === response) underWay.delete(socket);
      const { statusCode, writableFinished } = response;
      if (record.service !== undefined) {
        audit?.write(auditLine(record, begun, Date.now(), statusCode, writableFinished));
        callAnswered.tell({
          service: record.service,
          operation: record.operation,
          code: outcomeOf(record, writableFinished),
          seconds: ((record.answeredAt ?? performance.now()) - since) / 1000,
          receivedBytes: record.receivedBytes,
          sentBytes: record.sentBytes,
        });
        if (span !== undefined) endTrace(span, record, statusCode, writableFinished);
      }
      logger.debug({ requestId, method: request.method, url: pathOf(request), status: response.statusCode }, 'request');
    });
    const answer = () => dispatch({ request, response, requestId, record, askForBody });
    void (span === undefined ? answer() : span.run(answer));
  };

  const serve = (server: Server): void => {
    if (server === secure) http2?.shareTlsPort(server);
    else http2?.sharePort(server);
    server.on('request', (request, response) => take(request, response));
    server.on('checkContinue', (request, response) =>
      take(
        request,
        response,
        continuation(response, () => closed === undefined),
      ),
    );
    server.on('clientError', (error, socket) => refuseConnection(error, socket, underWay.get(socket), randomUUID()));
    server.on('connection', (socket) => connections.add(socket, server === secure));
    server.on('timeout', (socket) => {
      if (!isWorkedOn(underWay.get(socket))) socket.destroy();
    });
  };
  serve(http);

  return {
    listen: (port, host) => listen(http, port, host),
    async listenPlainly(port) {
      const plain = createBoundedServer(limits);
      serve(plain);
      servers.push(plain);
      return (await listen(plain, port, '127.0.0.1')).port;
    },
    changeTls: (identity) => secure?.setSecureContext(identity),
    close(deadlineMillis) {
      http2?.close(deadlineMillis);
      live?.close();
      closed ??= Promise.all(servers.map((server) => closeInOrder(server, deadlineMillis))).then(() => undefined);
      for (const response of underWay.values()) response.shouldKeepAlive = false;
      return closed;
    },
  };
}

/** Whether a peer that is silent waits for an answer: nothing is wrong with it then. */
function isWorkedOn(response: ServerResponse | undefined): boolean {
  return response?.req.complete === true && !response.headersSent;
}

/**
 * A client that is answered without being asked for its body may send it all the same, or go on with its next request:
 * nobody can tell which, so that its connection is closed then (RFC 9110, section 10.1.1).
 * @returns what asks it for its body
 */
function continuation(response: ServerResponse, serving: () => boolean): () => void {
  const keepAlive = response.shouldKeepAlive;
  response.shouldKeepAlive = false;
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    response.shouldKeepAlive = keepAlive && serving();
    response.writeContinue();
  };
}

async function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  server.listen(port, host);
  await once(server, 'listening');
  return server.address() as AddressInfo;
}

function createBoundedServer(limits: WireLimits): Server;
function createBoundedServer(limits: WireLimits, tls: TlsIdentity & TlsOptions): HttpsServer;
function createBoundedServer(limits: WireLimits, tls?: TlsIdentity & TlsOptions): Server {
  const bounds = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMillis,
    requestTimeout: limits.requestMillis,
    keepAliveTimeout: limits.keepAliveMillis,
    connectionsCheckingInterval: Math.min(5000, limits.headersMillis),
    noDelay: true,
    // A peer that has gone without a word is found out also while a call of its is worked on.
    keepAlive: true,
    keepAliveInitialDelay: limits.stallMillis,
  };
  const http =
    tls === undefined
      ? createHttpServer(bounds)
      : createHttpsServer({ ...bounds, ...tls, handshakeTimeout: limits.headersMillis });
  http.timeout = limits.stallMillis;
  // Beyond `Connections`, which ends others for a newcomer: their sockets are closed a moment later.
  http.maxConnections = limits.connections + CLOSING_CONNECTIONS;
  return http;
}

async function closeInOrder(http: Server, deadlineMillis: number): Promise<void> {
  if (!http.listening) return;
  const ended = once(http, 'close');
  http.close();
  const cutOff = setTimeout(() => http.closeAllConnections(), deadlineMillis);
  await ended;
  clearTimeout(cutOff);
}
