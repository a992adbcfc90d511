/**
 * The closed catalogue of errors that a caller can be answered with. Every room throws these; only `wire` encodes them.
 *
 * `name` is the AWS error code (`__type` on the wire), `status` the HTTP status. Codes above the line come from Athena's
 * own model; those below are the protocol's, which every AWS service shares.
 */
export abstract class ServiceError extends Error {
  abstract readonly status: number;
  /** Members of the error's shape beside its message, e.g. `AthenaErrorCode`. */
  readonly members: Readonly<Record<string, string>>;

  constructor(message: string, members: Readonly<Record<string, string>> = {}) {
    super(message);
    this.members = members;
    this.name = new.target.name;
  }
}

export class InvalidRequestException extends ServiceError {
  readonly status = 400;
  /** @param athenaErrorCode AWS's own code for clients that branch on it; `INVALID_INPUT` unless told. */
  constructor(message: string, athenaErrorCode = 'INVALID_INPUT') {
    super(message, { AthenaErrorCode: athenaErrorCode });
  }
}

export class ResourceNotFoundException extends ServiceError {
  readonly status = 400;
  /** @param resourceName what was looked for and not found */
  constructor(message: string, resourceName: string) {
    super(message, { ResourceName: resourceName });
  }
}

export class SessionAlreadyExistsException extends ServiceError {
  readonly status = 400;
}

export class TooManyRequestsException extends ServiceError {
  readonly status = 400;
  constructor(message: string, reason = 'CONCURRENT_QUERY_LIMIT_EXCEEDED') {
    super(message, { Reason: reason });
  }
}

export class InternalServerException extends ServiceError {
  readonly status = 500;
}

// ---- the protocol's own, in the shapes all AWS SDKs understand
// AWS's JSON services answer what is wrong with a signature by 400, where S3 and the query protocol say 403: seen of Athena in
// https://github.com/mtanda/grafana-aws-athena-datasource/issues/76 (UnrecognizedClientException) and
// https://github.com/DyfanJones/noctua/issues/202 (ExpiredTokenException), documented for all of these in
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html

export class UnknownOperationException extends ServiceError {
  readonly status = 400;
}
/** An operation of the model that this server does not have yet. */
export class NotImplementedException extends ServiceError {
  readonly status = 501;
}
export class SerializationException extends ServiceError {
  readonly status = 400;
}
export class MissingAuthenticationTokenException extends ServiceError {
  readonly status = 400;
}
export class IncompleteSignatureException extends ServiceError {
  readonly status = 400;
}
export class InvalidSignatureException extends ServiceError {
  readonly status = 400;
}
export class UnrecognizedClientException extends ServiceError {
  readonly status = 400;
}
export class ExpiredTokenException extends ServiceError {
  readonly status = 400;
}
export class AccessDeniedException extends ServiceError {
  readonly status = 400;
}
export class ThrottlingException extends ServiceError {
  readonly status = 400;
}
/** What every AWS service may answer, and every SDK repeats: https://docs.aws.amazon.com/athena/latest/APIReference/CommonErrors.html */
export class ServiceUnavailableException extends ServiceError {
  readonly status = 503;
}
export class RequestEntityTooLargeException extends ServiceError {
  readonly status = 413;
}
