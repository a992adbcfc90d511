import { AccessDeniedException, InvalidRequestException } from '../errors.ts';
import { authorize } from './authorize.ts';
import type { KeyRing } from './keys.ts';
import type { RequestContext } from './policies/context.ts';
import type { Principal } from './principal.ts';

const LONGEST_CHAINED_SECONDS = 3600;

export interface AssumeRoleRequest {
  readonly caller: Principal;
  readonly context: RequestContext;
  readonly roleArn: string;
  /** Who the caller says they are; shown in the assumed role's ARN. */
  readonly roleSessionName: string;
  readonly durationSeconds: number;
}

export type AssumeRole = (request: AssumeRoleRequest) => ReturnType<KeyRing['issueRoleKey']>;

/**
 * Gives a caller temporary keys that act with a role. Who may is said by `sts:AssumeRole` on the role's ARN in the caller's own policies:
 * within one account that is all AWS asks for where the role trusts the account. Of a role that is nowhere the answer is the same.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 *
 * @throws AccessDeniedException, InvalidRequestException
 */
export function assumeRole(keys: KeyRing): AssumeRole {
  return ({ caller, context, roleArn, roleSessionName, durationSeconds }) => {
    const action = 'sts:AssumeRole';
    authorize(caller, { action, resource: roleArn, context });
    const role = keys.role(roleArn);
    if (role === undefined) {
      throw new AccessDeniedException(
        `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${roleArn}`,
      );
    }
    const chained = caller.kind === 'role' || caller.kind === 'session';
    if (chained && durationSeconds > LONGEST_CHAINED_SECONDS) {
      throw new InvalidRequestException(
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
      );
    }
    return keys.issueRoleKey(role, roleSessionName, durationSeconds);
  };
}
