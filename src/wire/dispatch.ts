import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { InternalServerException, UnknownOperationException } from '../errors.ts';
import type { AthenaEndpoint } from './athena.ts';
import type { CallRecord } from './call-record.ts';
import { type BodyLimits, checkDeclaredLength, readBody } from './body.ts';
import { healthReply, type Readiness } from './health.ts';
import { LiveEndpoint } from './live.ts';
import type { MemoryBudget, MemoryLease } from './memory-budget.ts';
import { type MetricsEndpoint, metricsReply } from './metrics.ts';
import { errorReply, publicError, type Reply } from './reply.ts';
import { type Route, routeOf } from './routing.ts';
import { type StsEndpoint, stsErrorReply } from './sts.ts';

/**
 * Answers a request by itself, signature and errors included. It may answer before it has read the body, and calls
 * `askForBody` before it reads any of it.
 */
export type S3Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  askForBody: () => void,
  record: CallRecord,
) => Promise<void>;

/** Answers a request for a page by itself, errors included; never rejects. */
export type PageHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface DispatcherOptions {
  readonly athena: AthenaEndpoint;
  readonly sts: StsEndpoint;
  /** `undefined` where the user's own S3 is used and none is embedded. */
  readonly s3: S3Handler | undefined;
  readonly live: LiveEndpoint | undefined;
  readonly sparkUi: PageHandler | undefined;
  readonly ready: Readiness;
  readonly metrics: MetricsEndpoint | undefined;
  readonly logger: Logger;
  readonly athenaBody: BodyLimits;
  /** What bodies may take together. */
  readonly bodies: MemoryBudget;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly record: CallRecord;
  /** Tells a client that waits for `100 Continue` to send its body; to be called before any of it is read. */
  readonly askForBody: () => void;
}

/** A form of STS's is some hundred bytes. */
const STS_BODY_BYTES = 64 * 1024;

/** @returns a function that answers one request, and never rejects */
export function createDispatcher(options: DispatcherOptions): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    const { request, response, record } = exchange;
    const route = routeOf(request);
    noteRoute(route, record);
    if (route.to === 's3' && options.s3 !== undefined) {
      await answerByS3(options.s3, exchange, options.logger);
      return;
    }
    if (route.to === 'spark-ui' && options.sparkUi !== undefined) {
      await options.sparkUi(request, response);
      return;
    }
    const reply = await replyTo(route, exchange, options).catch((error: unknown) => {
      logUnexpected(options.logger, exchange, error);
      record.error = publicError(error).name;
      return route.to === 'sts' ? stsErrorReply(error, exchange.requestId) : errorReply(publicError(error));
    });
    if (reply !== undefined) send(request, response, reply);
  };
}

/** @returns undefined where it has been answered */
async function replyTo(route: Route, exchange: Exchange, options: DispatcherOptions): Promise<Reply | undefined> {
  const { request, response, record } = exchange;
  switch (route.to) {
    case 'health':
      return healthReply(request, options.ready);
    case 'metrics':
      return metricsReply(request, options.metrics);
    case 'athena': {
      if (options.live !== undefined && LiveEndpoint.takes(request)) {
        await options.live.answer(request, response, record);
        return undefined;
      }
      const refusal = options.athena.precheck(request);
      if (refusal !== undefined) {
        record.error = refusal.headers['x-amzn-ErrorType'];
        return refusal;
      }
      checkDeclaredLength(request, options.athenaBody.maxBytes);
      const answer = await options.athena.begin(request, record);
      using lease = options.bodies.lease();
      return await answer(await bodyOf(exchange, options.athenaBody, lease));
    }
    case 'sts': {
      const limits = { ...options.athenaBody, maxBytes: STS_BODY_BYTES };
      using lease = options.bodies.lease();
      return await options.sts.answer(request, await bodyOf(exchange, limits, lease), record);
    }
    default: {
      const service = route.to === 'nobody' ? route.service : route.to;
      throw new UnknownOperationException(`The service '${service}' is not served at this endpoint.`);
    }
  }
}

function noteRoute(route: Route, record: CallRecord): void {
  if (route.to === 'health' || route.to === 'metrics' || route.to === 'spark-ui') return;
  record.service = route.to === 'nobody' ? route.service.slice(0, 64) : route.to;
  record.accessKeyId = route.accessKeyId;
}

async function bodyOf({ request, askForBody }: Exchange, limits: BodyLimits, lease: MemoryLease): Promise<Buffer> {
  checkDeclaredLength(request, limits.maxBytes);
  askForBody();
  return readBody(request, limits, lease);
}

async function answerByS3(s3: S3Handler, exchange: Exchange, logger: Logger): Promise<void> {
  const { request, response, requestId, record, askForBody } = exchange;
  try {
    await s3(request, response, askForBody, record);
  } catch (error) {
    logUnexpected(logger, exchange, error);
    record.error = 'InternalError';
    if (response.headersSent) {
      // The status is out already: only a broken connection still tells the client that this is not the whole object.
      response.destroy();
      return;
    }
    const message = publicError(undefined).message;
    const detail = `<Code>InternalError</Code><Message>${message}</Message><RequestId>${requestId}</RequestId>`;
    const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<Error>${detail}</Error>`);
    send(request, response, { status: 500, headers: { 'content-type': 'application/xml' }, body });
  }
}

/** The one exit: head and body leave in one write, since apart they cost 70 ms by Nagle and delayed ACK. */
function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, { ...headers, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function logUnexpected(logger: Logger, { request, requestId }: Exchange, error: unknown): void {
  if (!(publicError(error) instanceof InternalServerException)) return;
  const { method, headers } = request;
  logger.error({ err: error, requestId, method, target: headers['x-amz-target'] }, 'request failed unexpectedly');
}
