import {
  ExpiredTokenException,
  IncompleteSignatureException,
  InvalidSignatureException,
  MissingAuthenticationTokenException,
  type ServiceError,
  UnrecognizedClientException,
} from '../errors.ts';

/** Where a signature stands: in the Authorization header, or in a presigned URL's query. */
export type SignatureForm = 'header' | 'query';

/**
 * What is wrong with a signature, as data. Every error that the verifier throws has one (`signatureProblemOf`): the JSON
 * services answer with the error itself, S3 has codes of its own for the same faults (`RequestTimeTooSkewed`,
 * `SignatureDoesNotMatch`, `InvalidAccessKeyId`, …) and picks them by `kind`.
 */
export type SignatureProblem =
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed'; readonly form: SignatureForm }
  | { readonly kind: 'headers-not-signed'; readonly headers: readonly string[] }
  | { readonly kind: 'wrong-scope'; readonly form: SignatureForm }
  | { readonly kind: 'unknown-key'; readonly accessKeyId: string }
  | { readonly kind: 'invalid-token' }
  | { readonly kind: 'expired-token' }
  | {
      /** `expired` is a presigned URL past its own `X-Amz-Expires`; the other two are clocks that disagree. */
      readonly kind: 'skewed' | 'not-yet-valid' | 'expired';
      readonly requestDate: Date;
      readonly serverDate: Date;
      readonly allowedMillis: number;
    }
  | { readonly kind: 'mismatch' };

/** The problem behind an error of the signature verifier; `undefined` for any other error. */
export function signatureProblemOf(error: unknown): SignatureProblem | undefined {
  return error instanceof Error ? problems.get(error) : undefined;
}

const problems = new WeakMap<Error, SignatureProblem>();

function withProblem<E extends ServiceError>(error: E, problem: SignatureProblem): E {
  problems.set(error, problem);
  return error;
}

export function missingAuthentication(): ServiceError {
  return withProblem(new MissingAuthenticationTokenException('Missing Authentication Token'), { kind: 'missing' });
}

export function incompleteSignature(message: string, form: SignatureForm): ServiceError {
  return withProblem(new IncompleteSignatureException(message), { kind: 'malformed', form });
}

export function headersNotSigned(headers: readonly string[]): ServiceError {
  const sentences = headers.map((name) => {
    const shown = name === 'host' ? "'Host' or ':authority'" : `'${name}'`;
    return `${shown} must be a 'SignedHeader' in the AWS Authorization.`;
  });
  return withProblem(new InvalidSignatureException(sentences.join(' ')), { kind: 'headers-not-signed', headers });
}

export function wrongScope(sentences: readonly string[], form: SignatureForm): ServiceError {
  return withProblem(new InvalidSignatureException(sentences.join(' ')), { kind: 'wrong-scope', form });
}

export function unknownKey(accessKeyId: string): ServiceError {
  return withProblem(new UnrecognizedClientException(INVALID_TOKEN), { kind: 'unknown-key', accessKeyId });
}

export function invalidToken(): ServiceError {
  return withProblem(new UnrecognizedClientException(INVALID_TOKEN), { kind: 'invalid-token' });
}

export function expiredToken(): ServiceError {
  return withProblem(new ExpiredTokenException('The security token included in the request is expired'), {
    kind: 'expired-token',
  });
}

/** @param message AWS's sentence with the two instants that disagree */
export function outsideValidity(
  message: string,
  problem: Extract<SignatureProblem, { readonly requestDate: Date }>,
): ServiceError {
  return withProblem(new InvalidSignatureException(message), problem);
}

export function signatureMismatch(): ServiceError {
  return withProblem(new InvalidSignatureException(SIGNATURE_MISMATCH), { kind: 'mismatch' });
}

const INVALID_TOKEN = 'The security token included in the request is invalid.';

const SIGNATURE_MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key ' +
  'and signing method. Consult the service documentation for details.';
