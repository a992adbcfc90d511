import { InternalServerException, ServiceError } from '../errors.ts';

/** A whole answer; the server sends it in one write. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export const AWS_JSON = 'application/x-amz-json-1.1';

export function jsonReply(status: number, body: object): Reply {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) };
}

/**
 * An error in the shape that all AWS SDKs read: `__type`, the message under both of its names, the error's own members.
 * @param status another status than the error's own
 */
export function errorReply(error: ServiceError, status: number = error.status): Reply {
  const { name, message, members } = error;
  const body = { __type: name, message, Message: message, ...members };
  const headers = { 'content-type': AWS_JSON, 'x-amzn-ErrorType': name };
  return { status, headers, body: Buffer.from(JSON.stringify(body)) };
}

/** What the caller is told of an error: its own when it is of the catalogue, and nothing of what nobody expected. */
export function publicError(error: unknown): ServiceError {
  return error instanceof ServiceError ? error : new InternalServerException('An internal error occurred.');
}
