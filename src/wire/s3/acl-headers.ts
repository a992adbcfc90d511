import type { IncomingHttpHeaders } from 'node:http';
import { S3Error } from './s3-error.ts';

/** What leaves everything to the owner, which is how everything is. */
const HARMLESS = ['private', 'bucket-owner-full-control'];

/**
 * Refuses access control lists that would have to mean something: the answer of a bucket whose owner owns all objects, as
 * AWS makes them. https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
 * @throws S3Error AccessControlListNotSupported
 */
export function checkAclHeaders(headers: IncomingHttpHeaders): void {
  const canned = headers['x-amz-acl']?.toString();
  const grants = Object.keys(headers).some((name) => name.startsWith('x-amz-grant-'));
  if (grants || (canned !== undefined && !HARMLESS.includes(canned))) {
    throw new S3Error('AccessControlListNotSupported', 'The bucket does not allow ACLs');
  }
}
