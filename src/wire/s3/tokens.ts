import { invalidArgument } from './s3-error.ts';

/** Continuation tokens: opaque to clients, and any change to one is noticed or harmless. */
export function writeToken(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** @throws S3Error InvalidArgument */
export function readToken(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    throw invalidToken(token);
  }
}

export function invalidToken(token: string): Error {
  return invalidArgument('The continuation token provided is incorrect', 'continuation-token', token);
}
