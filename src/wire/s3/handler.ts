import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AccessKeys, Principal } from '../../access/principal.ts';
import type { EmbeddedStore } from '../../objects/embedded/embedded-store.ts';
import { StorageError } from '../../objects/embedded/storage-error.ts';
import type { SignatureVerifier, VerifiedSignature } from '../sigv4.ts';
import { type CallRecord, newCallRecord } from '../call-record.ts';
import { MemoryBudget, type MemoryLease } from '../memory-budget.ts';
import { type SignedRequest, signedRequestOf } from '../sigv4-parse.ts';
import { authorize, type S3Caller } from './authorize.ts';
import { type Payload, type PayloadOptions, payloadOf, readPayload } from './payload.ts';
import { isHoistedV2, isPresignedV2, verifyPresignedV2 } from './presigned-v2.ts';
import { sendError, sendReply } from './replies.ts';
import { routeOf } from './routes.ts';
import type { S3Call, S3Reply } from './s3-call.ts';
import { notImplemented, S3Error } from './s3-error.ts';
import { type S3Target, targetOf } from './target.ts';
import { s3ErrorOf } from './translate-error.ts';
import { readXml } from './xml.ts';

export interface S3Logger {
  error(context: object, message: string): void;
}

export interface S3HandlerOptions {
  readonly store: EmbeddedStore;
  readonly verifier: SignatureVerifier;
  /** For what the verifier does not know: URLs presigned by Signature Version 2. */
  readonly keys: AccessKeys;
  readonly region: string;
  readonly logger: S3Logger;
  /** Host names under which `<bucket>.<host>` names a bucket; path style needs none. */
  readonly virtualHosts?: readonly string[];
  readonly limits?: {
    /** Bytes of an XML body; 8 MiB unless told: a thousand keys of a thousand escaped bytes are less. */
    readonly maxDocumentBytes?: number;
    /** Bytes of all XML bodies together while they are read and answered; 64 MiB unless told. */
    readonly documentsBytes?: number;
  };
}

/**
 * @param askForBody called before any of the body is read: a client may wait for that (`Expect: 100-continue`)
 * @param record where it is written who asks for what, and how it ends
 */
export type S3Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  askForBody?: () => void,
  record?: CallRecord,
) => Promise<void>;

const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;
const DOCUMENTS_BYTES = 64 * 1024 * 1024;

/** Serves S3's REST protocol; https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html. Never rejects. */
export function createS3Handler(options: S3HandlerOptions): S3Handler {
  const documents = new MemoryBudget(options.limits?.documentsBytes ?? DOCUMENTS_BYTES);
  return async (request, response, askForBody, record = newCallRecord(request, '', false)) => {
    const requestId = randomBytes(8).toString('hex').toUpperCase();
    record.requestId = requestId;
    response.setHeader('x-amz-request-id', requestId);
    try {
      using lease = documents.lease();
      const reply = await answer(request, options, record, lease, askForBody);
      await sendReply(request, response, reply, (bytes) => {
        record.sentBytes += bytes;
      });
    } catch (error) {
      const known = s3ErrorOf(error);
      if (known === undefined && !response.destroyed) {
        options.logger.error({ err: error, requestId, method: request.method }, 'An S3 request failed unexpectedly');
      }
      const shown = known ?? internalError();
      record.error = shown.code;
      sendError(request, response, shown, requestId);
    }
  };
}

async function answer(
  request: IncomingMessage,
  options: S3HandlerOptions,
  record: CallRecord,
  lease: MemoryLease,
  askForBody?: () => void,
): Promise<S3Reply> {
  const signed = signedRequestOf(request);
  const query = new URLSearchParams(signed.rawQuery);
  const target = targetOf(signed.path, request.headers.host, options.virtualHosts ?? []);
  const verified = isPresignedV2(query)
    ? await verifyV2(request, signed, query, target, options)
    : await verifyV4(request, signed, query, target, options);
  const { principal, headers } = verified;
  record.principal = principal;
  record.accessKeyId ??= query.get('AWSAccessKeyId') ?? undefined;
  record.resource = arnOf(target);
  checkVersion(query);
  const route = routeOf(signed.method, target, query, headers);
  record.operation = route.action.slice('s3:'.length);
  const caller = { principal, source: record.source, region: options.region, headers, query };
  if (route.asksForEach !== true) authorize(caller, route.action, arnOf(target));
  if (headers['x-amz-tagging'] !== undefined) authorize(caller, 's3:PutObjectTagging', arnOf(target));
  const onBytes = (bytes: number): void => {
    record.receivedBytes += bytes;
  };
  const call = callOf(request, verified, options, caller, lease, { askForBody, onBytes });
  return await withoutTellingStrangers(caller, target, () => route.operation(call));
}

/** Who may not list a bucket does not learn which keys it lacks: S3 answers them 403 where others get NoSuchKey. */
async function withoutTellingStrangers<T>(caller: S3Caller, { bucket }: S3Target, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof StorageError && error.code === 'NoSuchKey')
      authorize(caller, 's3:ListBucket', arnOf({ bucket }));
    throw error;
  }
}

async function verifyV4(
  request: IncomingMessage,
  signed: SignedRequest,
  query: URLSearchParams,
  target: S3Target,
  { verifier }: S3HandlerOptions,
): Promise<VerifiedRequest> {
  const payloadHash = payloadHashOf(request, query);
  const signature = await verifier.verify(signed, payloadHash);
  if (signature.service !== 's3') {
    throw new S3Error(
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; incorrect service "${signature.service}". This endpoint belongs to "s3".`,
    );
  }
  const { headers } = request;
  const all = signature.presigned ? withHoisted(headers, query, (name) => /^x-amz-/i.test(name)) : headers;
  const { principal } = signature;
  return { target, query, headers: all, principal, payloadHash, signer: signature };
}

async function verifyV2(
  request: IncomingMessage,
  signed: SignedRequest,
  query: URLSearchParams,
  target: S3Target,
  { keys }: S3HandlerOptions,
): Promise<VerifiedRequest> {
  const headers = withHoisted(request.headers, query, isHoistedV2);
  const principal = await verifyPresignedV2(signed, headers, target, keys);
  return { target, query, headers, principal, payloadHash: payloadHashOf(request, query), signer: undefined };
}

/** What a request carries once it is verified. */
interface VerifiedRequest {
  readonly target: S3Target;
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  readonly principal: Principal;
  readonly payloadHash: string;
  readonly signer: VerifiedSignature | undefined;
}

function callOf(
  request: IncomingMessage,
  verified: VerifiedRequest,
  options: S3HandlerOptions,
  caller: S3Caller,
  lease: MemoryLease,
  body: Pick<PayloadOptions, 'askForBody' | 'onBytes'>,
): S3Call {
  const { target, headers, query, principal, payloadHash, signer } = verified;
  const { store, region, limits } = options;
  const payload = (more: PayloadOptions): Payload => payloadOf(request, payloadHash, { signer, ...body, ...more });
  return {
    store,
    region,
    headers,
    query,
    authorize: (action, name) => authorize(caller, action, arnOf(name)),
    payload: (fallback) => payload({ fallback }),
    principal,
    bucket: target.bucket ?? '',
    key: target.key ?? '',
    origin: `${caller.source?.secure ? 'https' : 'http'}://${request.headers.host}`,
    async document(root, { checksumOfAnother } = {}) {
      if (request.headers['content-length'] === '0' || isBodiless(request)) return undefined;
      const bytes = await readPayload(
        payload({ checksumOfAnother }),
        limits?.maxDocumentBytes ?? MAX_DOCUMENT_BYTES,
        lease,
      );
      return bytes.length === 0 ? undefined : readXml(bytes, root);
    },
  };
}

function isBodiless({ headers }: IncomingMessage): boolean {
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
}

/** @throws S3Error InvalidRequest when a request signed by its header does not say what its body is */
function payloadHashOf(request: IncomingMessage, query: URLSearchParams): string {
  const stated = request.headers['x-amz-content-sha256']?.toString() ?? query.get('X-Amz-Content-Sha256');
  if (stated != null) return stated;
  if (request.headers.authorization === undefined) return 'UNSIGNED-PAYLOAD';
  if (!request.headers.authorization.startsWith('AWS4-')) {
    throw new S3Error(
      'InvalidRequest',
      'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    );
  }
  throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
}

/**
 * Signers move headers of a presigned request into its query, where they count all the same. Checksums there do not: SDKs
 * put that of an empty body in when they do not know the body (`payload.ts` reads them from the real headers).
 */
function withHoisted(
  headers: IncomingHttpHeaders,
  query: URLSearchParams,
  isHoisted: (name: string) => boolean,
): IncomingHttpHeaders {
  const hoisted: IncomingHttpHeaders = {};
  for (const [name, value] of query) if (isHoisted(name)) hoisted[name.toLowerCase()] = value;
  return { ...hoisted, ...headers };
}

function checkVersion(query: URLSearchParams): void {
  const version = query.get('versionId');
  if (version !== null && version !== 'null') throw notImplemented('versionId');
}

function arnOf({ bucket, key }: S3Target): string {
  if (bucket === undefined) return '*';
  return `arn:aws:s3:::${bucket}${key === undefined ? '' : `/${key}`}`;
}

function internalError(): S3Error {
  return new S3Error('InternalError', 'We encountered an internal error. Please try again.');
}
