import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { AccessKeys, Principal } from '../../access/principal.ts';
import { sameText } from '../same-text.ts';
import type { SignedRequest } from '../sigv4-parse.ts';
import { S3Error } from './s3-error.ts';
import type { S3Target } from './target.ts';

/** Query parameters that are part of the resource that is signed. */
const SIGNED_PARAMETERS: ReadonlySet<string> = new Set([
  ...['accelerate', 'acl', 'analytics', 'cors', 'delete', 'inventory', 'lifecycle', 'location', 'logging', 'metrics'],
  ...['notification', 'object-lock', 'partNumber', 'policy', 'replication', 'requestPayment', 'restore', 'select'],
  ...['select-type', 'storageClass', 'tagging', 'torrent', 'uploadId', 'uploads', 'versionId', 'versioning'],
  ...['versions', 'website', 'response-cache-control', 'response-content-disposition', 'response-content-encoding'],
  ...['response-content-language', 'response-content-type', 'response-expires'],
]);

export function isPresignedV2(query: URLSearchParams): boolean {
  return query.has('AWSAccessKeyId') && query.has('Signature');
}

/** Headers that a version 2 signer moves into the query, where they count as much. */
export function isHoistedV2(name: string): boolean {
  return /^(?:x-amz-.*|content-type|content-md5)$/i.test(name);
}

/**
 * Verifies a URL presigned by Signature Version 2, which boto3 makes in us-east-1 unless it is told otherwise. Only this
 * form: a Version 2 Authorization header is refused, as S3 refuses it for every bucket made today.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationQueryStringAuth
 *
 * @param headers those of the request and those that its query holds
 * @throws S3Error AccessDenied, InvalidAccessKeyId, InvalidToken, ExpiredToken, SignatureDoesNotMatch
 */
export async function verifyPresignedV2(
  request: SignedRequest,
  headers: IncomingHttpHeaders,
  target: S3Target,
  keys: AccessKeys,
): Promise<Principal> {
  const query = new URLSearchParams(request.rawQuery);
  const expires = query.get('Expires') ?? '';
  if (!/^\d{1,12}$/.test(expires)) {
    throw new S3Error(
      'AccessDenied',
      'Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters',
    );
  }
  const accessKeyId = query.get('AWSAccessKeyId') ?? '';
  const sessionToken = headers['x-amz-security-token']?.toString();
  const key = await keys.find(accessKeyId, sessionToken);
  if (key === undefined) {
    throw new S3Error('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.', {
      AWSAccessKeyId: accessKeyId,
    });
  }
  if (!sameText(key.sessionToken ?? '', sessionToken ?? '')) {
    throw new S3Error('InvalidToken', 'The provided token is malformed or otherwise invalid.');
  }
  const text = stringToSign(request, headers, expires, target);
  const expected = createHmac('sha1', key.secretAccessKey).update(text).digest('base64');
  if (!sameText(expected, query.get('Signature') ?? '')) {
    throw new S3Error(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    );
  }
  const now = Date.now();
  if (Number(expires) * 1000 < now) {
    throw new S3Error('AccessDenied', 'Request has expired', {
      Expires: new Date(Number(expires) * 1000).toISOString(),
      ServerTime: new Date(now).toISOString(),
    });
  }
  if (key.expiresAt !== undefined && key.expiresAt.getTime() <= now) {
    throw new S3Error('ExpiredToken', 'The provided token has expired.');
  }
  return key.principal;
}

function stringToSign(request: SignedRequest, headers: IncomingHttpHeaders, expires: string, target: S3Target): string {
  const amazonHeaders = Object.keys(headers)
    .filter((name) => name.startsWith('x-amz-'))
    .sort()
    .map((name) => `${name}:${headers[name]}\n`);
  return [
    request.method,
    headers['content-md5'] ?? '',
    headers['content-type'] ?? '',
    expires,
    amazonHeaders.join('') + canonicalResource(request, target),
  ].join('\n');
}

function canonicalResource({ path, rawQuery }: SignedRequest, { bucket }: S3Target): string {
  const pathStyle = bucket === undefined || path === `/${bucket}` || path.startsWith(`/${bucket}/`);
  const parameters = [...new URLSearchParams(rawQuery)]
    .filter(([name]) => SIGNED_PARAMETERS.has(name))
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  return `${pathStyle ? '' : `/${bucket}`}${path}${parameters.length === 0 ? '' : `?${parameters.join('&')}`}`;
}
