import { hash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { incompleteSignature, missingAuthentication, type SignatureForm } from './signature-problem.ts';

/** The parts of a request that a signature covers, as they came over the wire. */
export interface SignedRequest {
  readonly method: string;
  /** Still percent-encoded. */
  readonly path: string;
  /** Without the `?`; empty when there is none. */
  readonly rawQuery: string;
  /** Lower-case names, as Node gives them; `headersDistinct` keeps repeated headers apart. */
  readonly headers: IncomingHttpHeaders | NodeJS.Dict<string[]>;
}

/** What a request says of its signer, before anything is verified: good for routing and for nothing else. */
export interface CredentialScope {
  readonly accessKeyId: string;
  /** `YYYYMMDD` */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** A signature as the request states it, header or query form. */
export interface StatedSignature {
  readonly scope: CredentialScope;
  readonly terminator: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** When the client signed. */
  readonly date: Date;
  readonly sessionToken: string | undefined;
  /** Presigned URLs only. */
  readonly expiresSeconds: number | undefined;
  /** The header that `date` came from; it has to be signed. `undefined` for presigned URLs. */
  readonly dateHeader: 'x-amz-date' | 'date' | undefined;
}

export const ALGORITHM = 'AWS4-HMAC-SHA256';
/** https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html: seven days. */
const MAX_EXPIRES_SECONDS = 604_800;

/** A request's path, still percent-encoded, without its query: a presigned URL's signature is no part of it. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

/** The signed parts of a Node request; repeated headers are kept apart so that they fold as the client folded them. */
export function signedRequestOf(request: IncomingMessage): SignedRequest {
  const target = request.url ?? '/';
  const question = target.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: question === -1 ? target : target.slice(0, question),
    rawQuery: question === -1 ? '' : target.slice(question + 1),
    headers: request.headersDistinct,
  };
}

/** A header's value, repeated ones folded with commas; `undefined` when absent. */
export function headerOf(request: SignedRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

/** The scope that a request claims, in either form; `undefined` when it claims none that can be read. */
export function credentialScopeOf(request: SignedRequest): CredentialScope | undefined {
  const authorization = headerOf(request, 'authorization');
  const credential =
    authorization === undefined
      ? new URLSearchParams(request.rawQuery).get('X-Amz-Credential')
      : parametersOf(authorization).get('Credential');
  return credential == null ? undefined : splitCredential(credential)?.scope;
}

/**
 * Reads the signature that a request states.
 * @throws MissingAuthenticationTokenException when it states none
 * @throws IncompleteSignatureException when parts are missing or malformed
 */
export function parseSignature(request: SignedRequest): StatedSignature {
  const authorization = headerOf(request, 'authorization');
  if (authorization !== undefined) return parseHeader(request, authorization);
  if (!request.rawQuery.includes('X-Amz-')) throw missingAuthentication();
  return parseQuery(new URLSearchParams(request.rawQuery));
}

function parseHeader(request: SignedRequest, authorization: string): StatedSignature {
  const parameters = parametersOf(authorization);
  const xAmzDate = headerOf(request, 'x-amz-date');
  const date = xAmzDate ?? headerOf(request, 'date');
  const credential = parameters.get('Credential');
  const signature = parameters.get('Signature');
  const signedHeaders = parameters.get('SignedHeaders');
  if (!credential || !signature || !signedHeaders || date === undefined) {
    throw incompleteSignature(missingParts(authorization, parameters, date), 'header');
  }
  if (!authorization.startsWith(`${ALGORITHM} `))
    throw unsupportedAlgorithm(authorization.split(' ', 1)[0] ?? '', 'header');
  return {
    ...readCredential(credential, 'header'),
    signedHeaders: signedHeaders.toLowerCase().split(';'),
    signature,
    date: readDate(date, 'header'),
    sessionToken: headerOf(request, 'x-amz-security-token'),
    expiresSeconds: undefined,
    dateHeader: xAmzDate === undefined ? 'date' : 'x-amz-date',
  };
}

function parseQuery(query: URLSearchParams): StatedSignature {
  const names = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature', 'X-Amz-SignedHeaders', 'X-Amz-Date'];
  const missing = names.filter((name) => !query.get(name)).map((name) => `'${name}'`);
  if (missing.length > 0) {
    throw incompleteSignature(
      `AWS query-string parameters must include ${missing.join(', ')}. Re-examine the query-string parameters.`,
      'query',
    );
  }
  const value = (name: string): string => query.get(name) ?? '';
  if (value('X-Amz-Algorithm') !== ALGORITHM) throw unsupportedAlgorithm(value('X-Amz-Algorithm'), 'query');
  return {
    ...readCredential(value('X-Amz-Credential'), 'query'),
    signedHeaders: value('X-Amz-SignedHeaders').toLowerCase().split(';'),
    signature: value('X-Amz-Signature'),
    date: readDate(value('X-Amz-Date'), 'query'),
    sessionToken: query.get('X-Amz-Security-Token') ?? undefined,
    expiresSeconds: readExpires(query.get('X-Amz-Expires')),
    dateHeader: undefined,
  };
}

/** `Credential=…, SignedHeaders=…, Signature=…`, whatever their order and spacing. */
function parametersOf(authorization: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  const space = authorization.indexOf(' ');
  for (const part of authorization.slice(space + 1).split(',')) {
    const equals = part.indexOf('=');
    if (equals !== -1) parameters.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  return parameters;
}

function missingParts(authorization: string, parameters: ReadonlyMap<string, string>, date?: string): string {
  const sentences = ['Credential', 'Signature', 'SignedHeaders']
    .filter((name) => !parameters.get(name))
    .map((name) => `Authorization header requires '${name}' parameter.`);
  if (date === undefined) {
    sentences.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  }
  // Hashed, as AWS has it: the header may be somebody's Basic password.
  const digest = hash('sha256', authorization, 'base64');
  return `${sentences.join(' ')} (Hashed with SHA-256 and encoded with Base64) Authorization=${digest}`;
}

function unsupportedAlgorithm(algorithm: string, form: SignatureForm): Error {
  return incompleteSignature(`Unsupported AWS 'algorithm': '${algorithm}'.`, form);
}

function readCredential(credential: string, form: SignatureForm): { scope: CredentialScope; terminator: string } {
  const parts = splitCredential(credential);
  if (parts === undefined) {
    throw incompleteSignature(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
      form,
    );
  }
  return parts;
}

function splitCredential(credential: string): { scope: CredentialScope; terminator: string } | undefined {
  const [accessKeyId, date, region, service, terminator, ...rest] = credential.split('/');
  if (!accessKeyId || !date || !region || !service || !terminator || rest.length > 0) return undefined;
  return { scope: { accessKeyId, date, region, service }, terminator };
}

/** ISO 8601's basic form, or HTTP's own for clients that sign `Date` alone. */
function readDate(text: string, form: SignatureForm): Date {
  const basic = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const date = new Date(basic ? isoOf(basic) : text);
  const valid = !Number.isNaN(date.getTime()) && (basic === null || basicDate(date) === text);
  if (!valid || (basic === null && !/^[A-Z][a-z]{2}, /.test(text))) {
    throw incompleteSignature(
      `Date must be in ISO-8601 'basic format'. Got '${text}'. See http://en.wikipedia.org/wiki/ISO_8601`,
      form,
    );
  }
  return date;
}

function isoOf([, year, month, day, hour, minute, second]: RegExpExecArray): string {
  return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}

function readExpires(text: string | null): number {
  if (text === null || !/^-?\d+$/.test(text)) throw incompleteSignature('X-Amz-Expires should be a number', 'query');
  const seconds = Number(text);
  if (seconds < 1) throw incompleteSignature('X-Amz-Expires must be greater than 0', 'query');
  if (seconds > MAX_EXPIRES_SECONDS) {
    throw incompleteSignature(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than ' +
        `${MAX_EXPIRES_SECONDS} seconds`,
      'query',
    );
  }
  return seconds;
}

/** `20260101T000000Z` */
export function basicDate(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d{3}/g, '');
}
