import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AssumeRole } from '../access/assume-role.ts';
import type { AccessKeys, Principal } from '../access/principal.ts';
import { requestContext } from '../access/request-context.ts';
import { InvalidRequestException, UnknownOperationException } from '../errors.ts';
import type { CallRecord } from './call-record.ts';
import { publicError, type Reply } from './reply.ts';
import type { RateLimit } from './rate-limit.ts';
import { createSignatureVerifier } from './sigv4.ts';
import { signedRequestOf } from './sigv4-parse.ts';
import { escapeXml } from './xml-text.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

/**
 * The query protocol's codes for the catalogue's errors, and its statuses where they differ.
 * https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
 */
const QUERY_ERRORS: Readonly<Record<string, { readonly code: string; readonly status?: number }>> = {
  InvalidSignatureException: { code: 'SignatureDoesNotMatch', status: 403 },
  UnrecognizedClientException: { code: 'InvalidClientTokenId', status: 403 },
  MissingAuthenticationTokenException: { code: 'MissingAuthenticationToken', status: 403 },
  ExpiredTokenException: { code: 'ExpiredToken', status: 403 },
  IncompleteSignatureException: { code: 'IncompleteSignature' },
  UnknownOperationException: { code: 'InvalidAction' },
  ThrottlingException: { code: 'Throttling' },
  InvalidRequestException: { code: 'ValidationError' },
  AccessDeniedException: { code: 'AccessDenied', status: 403 },
  InternalServerException: { code: 'InternalFailure' },
};

const DEFAULT_SECONDS = 3600;
const SHORTEST_SECONDS = 900;
const LONGEST_SECONDS = 43_200;
/** Parameters that narrow what the keys may do, or that policies count on: to pass over one would give away more than was asked for. */
const NOT_SERVED =
  /^(Policy|PolicyArns|Tags|TransitiveTagKeys|ProvidedContexts|SerialNumber|TokenCode|SourceIdentity)(?:\.|$)/;

export interface StsEndpoint {
  answer(request: IncomingMessage, body: Buffer, record: CallRecord): Promise<Reply>;
}

export interface StsOptions {
  readonly keys: AccessKeys;
  readonly region: string;
  /** Absent: AssumeRole is not served. */
  readonly assumeRole?: AssumeRole | undefined;
  readonly rate?: RateLimit | undefined;
  readonly now?: () => Date;
}

/**
 * As much of STS as answers "who am I", `GetCallerIdentity`, which the AWS CLI and AWS SDK for pandas ask at the address in
 * AWS_ENDPOINT_URL, and gives keys that act with a role, `AssumeRole`. AWS query protocol: form in, XML out.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export function createStsEndpoint(options: StsOptions): StsEndpoint {
  const verifier = createSignatureVerifier({ ...options, services: ['sts'] });
  return {
    async answer(request, body, record) {
      const signed = signedRequestOf(request);
      const { principal } = await verifier.verify(signed, hash('sha256', body));
      record.principal = principal;
      record.resource = '*';
      const form = new URLSearchParams(body.length > 0 ? body.toString('utf8') : signed.rawQuery);
      const action = form.get('Action') ?? '';
      if (action === 'GetCallerIdentity') {
        record.operation = action;
        return xmlReply(200, replyXml(action, identityXml(principal), record.requestId));
      }
      if (action === 'AssumeRole' && options.assumeRole !== undefined) {
        record.operation = action;
        const keys = assumedKeysXml(options.assumeRole, form, principal, record, options.region);
        return xmlReply(200, replyXml(action, keys, record.requestId));
      }
      throw new UnknownOperationException(
        `Could not find operation ${action}: of STS, only GetCallerIdentity and AssumeRole are here.`,
      );
    },
  };
}

function assumedKeysXml(
  assumeRole: AssumeRole,
  form: URLSearchParams,
  caller: Principal,
  record: CallRecord,
  region: string,
): string {
  const roleArn = required(form, 'RoleArn', /^arn:aws[a-z-]*:iam::\d{12}:role\/\S{1,576}$/, 'the ARN of a role');
  const roleSessionName = required(form, 'RoleSessionName', /^[\w+=,.@-]{2,64}$/, '2 to 64 letters, digits or _+=,.@-');
  record.resource = roleArn;
  for (const name of form.keys()) {
    if (NOT_SERVED.test(name)) throw new InvalidRequestException(`The parameter ${name} is not served here.`);
  }
  const durationSeconds = Number(form.get('DurationSeconds') ?? DEFAULT_SECONDS);
  if (!(durationSeconds >= SHORTEST_SECONDS && durationSeconds <= LONGEST_SECONDS)) {
    throw new InvalidRequestException(`DurationSeconds must be from ${SHORTEST_SECONDS} to ${LONGEST_SECONDS}.`);
  }
  const context = requestContext(caller, record.source, region, {
    'sts:rolesessionname': roleSessionName,
    'sts:externalid': form.get('ExternalId') ?? undefined,
  });
  const { principal, ...key } = assumeRole({ caller, context, roleArn, roleSessionName, durationSeconds });
  const credentials = {
    AccessKeyId: key.accessKeyId,
    SecretAccessKey: key.secretAccessKey,
    SessionToken: key.sessionToken,
    Expiration: key.expiresAt.toISOString(),
  };
  const user = { AssumedRoleId: principal.userId ?? '', Arn: principal.arn };
  return `<Credentials>${elements(credentials)}</Credentials><AssumedRoleUser>${elements(user)}</AssumedRoleUser>`;
}

/** @throws InvalidRequestException for one that is missing or cannot be */
function required(form: URLSearchParams, name: string, pattern: RegExp, what: string): string {
  const value = form.get(name) ?? '';
  if (pattern.test(value)) return value;
  throw new InvalidRequestException(`${name} must be ${what}.`);
}

/** Any error as STS tells it; what nobody expected shows nothing of itself. */
export function stsErrorReply(thrown: unknown, requestId: string): Reply {
  const error = publicError(thrown);
  const { code = error.name, status = error.status } = QUERY_ERRORS[error.name] ?? {};
  const type = status < 500 ? 'Sender' : 'Receiver';
  const detail = `<Type>${type}</Type><Code>${code}</Code><Message>${escapeXml(error.message)}</Message>`;
  const xml = `<ErrorResponse xmlns="${NAMESPACE}"><Error>${detail}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
  return xmlReply(status, xml);
}

function identityXml(principal: Principal): string {
  const { arn, accountId, sessionId } = principal;
  const userId = principal.userId ?? (sessionId === undefined ? accountId : `${accountId}:${sessionId}`);
  return elements({ Arn: arn, UserId: userId, Account: accountId });
}

function elements(texts: Readonly<Record<string, string>>): string {
  return Object.entries(texts)
    .map(([name, text]) => `<${name}>${escapeXml(text)}</${name}>`)
    .join('');
}

function replyXml(action: string, result: string, requestId: string): string {
  return (
    `<${action}Response xmlns="${NAMESPACE}"><${action}Result>${result}</${action}Result>` +
    `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${action}Response>`
  );
}

function xmlReply(status: number, xml: string): Reply {
  return { status, headers: { 'content-type': 'text/xml' }, body: Buffer.from(xml) };
}
