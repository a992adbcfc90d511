import type { Principal } from '../../access/principal.ts';
import { S3Error } from './s3-error.ts';

/**
 * Decides whether a principal may do something in S3; the one place where policies will be asked. Until there are any,
 * the administrator and the code of sessions may both use every bucket.
 *
 * @param action IAM's name, e.g. `s3:GetObject`
 * @param resource `arn:aws:s3:::bucket/key`
 * @throws S3Error AccessDenied
 */
export function authorize(principal: Principal, action: string, resource: string): void {
  if (principal.kind === 'administrator' || principal.kind === 'session') return;
  throw new S3Error(
    'AccessDenied',
    `User: ${(principal as Principal).arn} is not authorized to perform: ${action} on resource: "${resource}"`,
  );
}
