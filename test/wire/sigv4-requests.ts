import { expect } from 'vitest';
import type { ServiceError } from '../../src/errors.ts';
import { createSignatureVerifier } from '../../src/wire/sigv4.ts';
import type { SignedRequest } from '../../src/wire/sigv4-parse.ts';
import { keys, NOW, type Plain, REGION, type SignOptions, sha256, sign } from './signing.ts';

export const verifierAt = (now: Date) =>
  createSignatureVerifier({ keys, region: REGION, services: ['athena', 's3'], now: () => now });
export const verifier = verifierAt(NOW);

export const call: Plain = {
  method: 'POST',
  path: '/',
  headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AmazonAthena.GetSession' },
  body: '{"SessionId":"s-1"}',
};
export const upload: Plain = {
  method: 'PUT',
  path: '/bucket/a%20key/%C3%A9%2B.txt',
  query: { partNumber: '1', uploadId: 'a/b+c d=', 'x-id': 'UploadPart' },
  headers: { 'x-amz-meta-colour': 'red  and   blue' },
  body: 'bytes',
};

export async function refusalOf(request: SignedRequest, body = '', at = verifier): Promise<ServiceError> {
  return at.verify(request, sha256(body)).then(
    () => expect.unreachable('the signature was accepted'),
    (error: ServiceError) => error,
  );
}

export async function refusalWith(
  plain: Plain,
  options: SignOptions,
  change: (r: SignedRequest) => SignedRequest = (r) => r,
) {
  return refusalOf(change(await sign(plain, options)), plain.body);
}

export const withHeader =
  (name: string, value: string | undefined) =>
  (request: SignedRequest): SignedRequest => ({ ...request, headers: { ...request.headers, [name]: value } });

/** The SDK's signer hashes the body of presigned URLs unless it is told not to. */
export function asSigned(plain: Plain, options: SignOptions): Plain {
  if (!options.expiresIn) return plain;
  return { ...plain, headers: { ...plain.headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } };
}
