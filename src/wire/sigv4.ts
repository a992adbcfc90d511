import { createHmac, hash, type KeyObject } from 'node:crypto';
import type { AccessKey, AccessKeys, Principal } from '../access/principal.ts';
import { ThrottlingException } from '../errors.ts';
import { sameText } from './same-text.ts';
import {
  expiredToken,
  headersNotSigned,
  invalidToken,
  outsideValidity,
  signatureMismatch,
  unknownKey,
  wrongScope,
} from './signature-problem.ts';
import type { RateLimit } from './rate-limit.ts';
import { SigningKeys } from './signing-keys.ts';
import { CanonicalForm } from './sigv4-canonical.ts';
import { ALGORITHM, basicDate, parseSignature, type SignedRequest, type StatedSignature } from './sigv4-parse.ts';

export interface VerifiedSignature {
  readonly principal: Principal;
  readonly accessKeyId: string;
  readonly service: string;
  readonly region: string;
  /** `20260101T000000Z` */
  readonly date: string;
  /** `20260101/us-east-1/s3/aws4_request` */
  readonly scope: string;
  /** Hex; the seed of S3's signed chunks. */
  readonly signature: string;
  readonly signingKey: KeyObject;
  readonly presigned: boolean;
}

export interface SignatureVerifier {
  /**
   * @param payloadHash hex SHA-256 of the body; for S3 the `x-amz-content-sha256` value, or `UNSIGNED-PAYLOAD`
   * @throws ServiceError one of the signature errors, with a `SignatureProblem`; ThrottlingException
   */
  verify(request: SignedRequest, payloadHash: string): Promise<VerifiedSignature>;
  /**
   * The same in two steps: what does not need the body (key, scope, dates) is looked at now, so that no stranger's body is read.
   * @returns what verifies the signature itself
   * @throws ServiceError
   */
  begin(request: SignedRequest): Promise<(payloadHash: string) => VerifiedSignature>;
}

export interface SignatureVerifierOptions {
  readonly keys: AccessKeys;
  readonly region: string;
  /** The services that a signature may be scoped to. */
  readonly services: readonly string[];
  /** How many requests a key may make; counted once a signature holds. */
  readonly rate?: RateLimit | undefined;
  readonly now?: () => Date;
}

/** S3 allows clocks 15 minutes, the others 5: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const SKEW_MINUTES = { s3: 15, others: 5 };

/**
 * Verifies Signature Version 4 in both of its forms (Authorization header, presigned query).
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function createSignatureVerifier(options: SignatureVerifierOptions): SignatureVerifier {
  const { keys, rate, now = () => new Date() } = options;
  const signingKeys = new SigningKeys();
  const escaped = new CanonicalForm(true);
  const untouched = new CanonicalForm(false);

  const verifier: SignatureVerifier = {
    verify: async (request, payloadHash) => (await verifier.begin(request))(payloadHash),

    async begin(request) {
      const stated = parseSignature(request);
      const { accessKeyId, date, region, service } = stated.scope;
      const serverDate = now();
      const key = await findKey(keys, stated, serverDate);
      checkScope(stated, options);
      checkSignedHeaders(request, stated);
      checkValidity(stated, serverDate);

      return (payloadHash) => {
        const canonicalForm = service === 's3' ? untouched : escaped;
        const canonical = canonicalForm.of(request, stated.signedHeaders, payloadHash);
        const longDate = basicDate(stated.date);
        const scope = `${date}/${region}/${service}/${stated.terminator}`;
        const stringToSign = `${ALGORITHM}\n${longDate}\n${scope}\n${hash('sha256', canonical)}`;
        const signingKey = signingKeys.get(key, date, region, service);
        const expected = createHmac('sha256', signingKey).update(stringToSign).digest('hex');
        if (!sameText(expected, stated.signature)) throw signatureMismatch();
        if (rate?.allows(accessKeyId) === false) throw new ThrottlingException('Rate exceeded');
        return {
          principal: key.principal,
          accessKeyId,
          service,
          region,
          date: longDate,
          scope,
          signature: expected,
          signingKey,
          presigned: stated.expiresSeconds !== undefined,
        };
      };
    },
  };
  return verifier;
}

async function findKey(keys: AccessKeys, stated: StatedSignature, serverDate: Date): Promise<AccessKey> {
  const { accessKeyId } = stated.scope;
  const key = await keys.find(accessKeyId, stated.sessionToken);
  if (key === undefined) throw unknownKey(accessKeyId);
  if (!sameText(key.sessionToken ?? '', stated.sessionToken ?? '')) throw invalidToken();
  if (key.expiresAt !== undefined && key.expiresAt <= serverDate) throw expiredToken();
  return key;
}

function checkScope(stated: StatedSignature, { region, services }: SignatureVerifierOptions): void {
  const { scope, terminator } = stated;
  const faults: string[] = [];
  if (scope.region !== region) faults.push('Credential should be scoped to a valid region.');
  if (!services.includes(scope.service)) {
    faults.push(`Credential should be scoped to correct service: '${services.join("', '")}'.`);
  }
  if (terminator !== 'aws4_request') {
    faults.push(`Credential should be scoped with a valid terminator: 'aws4_request', not '${terminator}'.`);
  }
  const longDate = basicDate(stated.date);
  if (longDate.slice(0, 8) !== scope.date) {
    faults.push(
      'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
        `'${scope.date}' != '${longDate.slice(0, 8)}', from '${longDate}'.`,
    );
  }
  if (faults.length > 0) throw wrongScope(faults, stated.expiresSeconds === undefined ? 'header' : 'query');
}

/** What is not signed can be changed on the way: the headers that decide what a request means must be. */
function checkSignedHeaders(request: SignedRequest, stated: StatedSignature): void {
  const signed = new Set(stated.signedHeaders);
  const required = new Set(['host']);
  if (stated.dateHeader !== undefined) required.add(stated.dateHeader);
  for (const name of Object.keys(request.headers)) {
    if (name === 'x-amz-target' || (stated.scope.service === 's3' && name.startsWith('x-amz-'))) required.add(name);
  }
  const unsigned = [...required].filter((name) => !signed.has(name));
  if (unsigned.length > 0) throw headersNotSigned(unsigned);
}

function checkValidity(stated: StatedSignature, serverDate: Date): void {
  const minutes = stated.scope.service === 's3' ? SKEW_MINUTES.s3 : SKEW_MINUTES.others;
  const skewMillis = minutes * 60_000;
  const requestDate = stated.date;
  const requested = basicDate(requestDate);
  const current = basicDate(serverDate);
  const limit = (millis: number): string => basicDate(new Date(serverDate.getTime() + millis));

  if (requestDate.getTime() > serverDate.getTime() + skewMillis) {
    throw outsideValidity(
      `Signature not yet current: ${requested} is still later than ${limit(skewMillis)} (${current} + ${minutes} min.)`,
      { kind: 'not-yet-valid', requestDate, serverDate, allowedMillis: skewMillis },
    );
  }
  if (stated.expiresSeconds !== undefined) {
    const allowedMillis = stated.expiresSeconds * 1000;
    const end = new Date(requestDate.getTime() + allowedMillis);
    if (serverDate <= end) return;
    throw outsideValidity(`Signature expired: ${basicDate(end)} is now earlier than ${current}`, {
      kind: 'expired',
      requestDate,
      serverDate,
      allowedMillis,
    });
  }
  if (requestDate.getTime() < serverDate.getTime() - skewMillis) {
    throw outsideValidity(
      `Signature expired: ${requested} is now earlier than ${limit(-skewMillis)} (${current} - ${minutes} min.)`,
      { kind: 'skewed', requestDate, serverDate, allowedMillis: skewMillis },
    );
  }
}
