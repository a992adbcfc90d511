import { StorageError } from '../../objects/embedded/storage-error.ts';
import { ThrottlingException } from '../../errors.ts';
import { type SignatureProblem, signatureProblemOf } from '../signature-problem.ts';
import { S3Error, slowDown } from './s3-error.ts';

/** Any error as the S3 error that answers it; `undefined` for one that nobody expected. */
export function s3ErrorOf(error: unknown): S3Error | undefined {
  if (error instanceof S3Error) return error;
  if (error instanceof StorageError) return new S3Error(error.code, error.message, error.details);
  if (error instanceof ThrottlingException) return slowDown();
  const problem = signatureProblemOf(error);
  return problem && signatureError(problem, error as Error);
}

/** What S3 says of a signature that it cannot read or that is for somebody else, by where it stands. */
const MALFORMED = {
  header: { code: 'AuthorizationHeaderMalformed', sentence: 'The authorization header is malformed' },
  query: { code: 'AuthorizationQueryParametersError', sentence: 'Error parsing the X-Amz-Credential parameter' },
} as const;

/** S3's own codes for the faults of a signature. */
function signatureError(problem: SignatureProblem, error: Error): S3Error {
  switch (problem.kind) {
    case 'missing':
      return new S3Error('AccessDenied', 'Access Denied');
    case 'malformed':
      return new S3Error(MALFORMED[problem.form].code, error.message);
    case 'wrong-scope':
      return new S3Error(MALFORMED[problem.form].code, `${MALFORMED[problem.form].sentence}; ${error.message}`);
    case 'headers-not-signed':
      return new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
        HeadersNotSigned: problem.headers.join(', '),
      });
    case 'unknown-key':
      return new S3Error('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.', {
        AWSAccessKeyId: problem.accessKeyId,
      });
    case 'invalid-token':
      return new S3Error('InvalidToken', 'The provided token is malformed or otherwise invalid.');
    case 'expired-token':
      return new S3Error('ExpiredToken', 'The provided token has expired.');
    case 'expired':
      return new S3Error('AccessDenied', 'Request has expired', {
        'X-Amz-Expires': String(problem.allowedMillis / 1000),
        Expires: new Date(problem.requestDate.getTime() + problem.allowedMillis).toISOString(),
        ServerTime: problem.serverDate.toISOString(),
      });
    case 'skewed':
    case 'not-yet-valid':
      return new S3Error(
        'RequestTimeTooSkewed',
        "The difference between the request time and the server's time is too large.",
        {
          RequestTime: problem.requestDate.toISOString(),
          ServerTime: problem.serverDate.toISOString(),
          MaxAllowedSkewMilliseconds: String(problem.allowedMillis),
        },
      );
    case 'mismatch':
      return new S3Error(
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      );
  }
}
