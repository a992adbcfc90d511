import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AccessKeys, Principal } from '../access/principal.ts';
import { UnknownOperationException } from '../errors.ts';
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
  InternalServerException: { code: 'InternalFailure' },
};

export interface StsEndpoint {
  answer(request: IncomingMessage, body: Buffer, record: CallRecord): Promise<Reply>;
}

/**
 * As much of STS as answers "who am I": `GetCallerIdentity`, which the AWS CLI and AWS SDK for pandas ask at the address
 * in AWS_ENDPOINT_URL. AWS query protocol: form in, XML out.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export function createStsEndpoint(options: {
  keys: AccessKeys;
  region: string;
  rate?: RateLimit | undefined;
  now?: () => Date;
}): StsEndpoint {
  const verifier = createSignatureVerifier({ ...options, services: ['sts'] });
  return {
    async answer(request, body, record) {
      const signed = signedRequestOf(request);
      const { principal } = await verifier.verify(signed, hash('sha256', body));
      record.principal = principal;
      record.resource = '*';
      const form = new URLSearchParams(body.length > 0 ? body.toString('utf8') : signed.rawQuery);
      const action = form.get('Action') ?? '';
      if (action !== 'GetCallerIdentity') {
        throw new UnknownOperationException(
          `Could not find operation ${action}: of STS, only GetCallerIdentity is here.`,
        );
      }
      record.operation = action;
      return xmlReply(200, identityXml(principal, record.requestId));
    },
  };
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

function identityXml(principal: Principal, requestId: string): string {
  const { arn, accountId, sessionId } = principal;
  const userId = principal.userId ?? (sessionId === undefined ? accountId : `${accountId}:${sessionId}`);
  const identity = `<Arn>${escapeXml(arn)}</Arn><UserId>${escapeXml(userId)}</UserId><Account>${escapeXml(accountId)}</Account>`;
  return (
    `<GetCallerIdentityResponse xmlns="${NAMESPACE}"><GetCallerIdentityResult>${identity}</GetCallerIdentityResult>` +
    `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
  );
}

function xmlReply(status: number, xml: string): Reply {
  return { status, headers: { 'content-type': 'text/xml' }, body: Buffer.from(xml) };
}
