import { AccessDeniedException } from '../errors.ts';
import type { Principal } from './principal.ts';

/**
 * Whether a caller may do this: the one place where policies will be asked. Until they come, the administrator may do
 * everything, and the code in a session reaches S3, all of its buckets, and nothing of Athena's.
 *
 * @param action IAM's name, e.g. `athena:StartSession`, `s3:GetObject`
 */
export function isAuthorized(principal: Principal, action: string): boolean {
  return principal.kind === 'administrator' || action.startsWith('s3:');
}

/** AWS's words for a caller who may not. @param resource an ARN, or `*` */
export function notAuthorizedMessage({ arn }: Principal, action: string, resource: string): string {
  return `User: ${arn} is not authorized to perform: ${action} on resource: ${resource}`;
}

/** @throws AccessDeniedException when the caller may not do this */
export function authorize(principal: Principal, action: string, resource: string): void {
  if (isAuthorized(principal, action)) return;
  throw new AccessDeniedException(notAuthorizedMessage(principal, action, resource));
}
