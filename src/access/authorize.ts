import { AccessDeniedException } from '../errors.ts';
import type { Principal } from './principal.ts';

/**
 * Whether a caller may do this. Until policies come, the administrator may do everything, and the code in a session reaches S3
 * and nothing of Athena's.
 *
 * @param action e.g. `athena:StartSession`
 * @throws AccessDeniedException in AWS's words
 */
export function authorize(principal: Principal, action: string, resource: string): void {
  if (principal.kind === 'administrator') return;
  throw new AccessDeniedException(
    `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource}`,
  );
}
