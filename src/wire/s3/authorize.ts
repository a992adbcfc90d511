import { isAuthorized, notAuthorizedMessage } from '../../access/authorize.ts';
import type { Principal } from '../../access/principal.ts';
import { S3Error } from './s3-error.ts';

/**
 * Asks whether a principal may do something in S3, and refuses it in S3's own form.
 *
 * @param action IAM's name, e.g. `s3:GetObject`
 * @param resource `arn:aws:s3:::bucket/key`
 * @throws S3Error AccessDenied
 */
export function authorize(principal: Principal, action: string, resource: string): void {
  if (isAuthorized(principal, action)) return;
  throw new S3Error('AccessDenied', notAuthorizedMessage(principal, action, `"${resource}"`));
}
