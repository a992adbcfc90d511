import { AccessDeniedException } from '../errors.ts';
import type { RequestContext } from './policies/context.ts';
import { type Decision, evaluate } from './policies/evaluate.ts';
import type { Principal } from './principal.ts';

/** What a caller asks to do. */
export interface AccessQuestion {
  /** IAM's name, e.g. `athena:StartSession`, `s3:GetObject`. */
  readonly action: string;
  /** ARNs; `*` for an action that is about no resource. */
  readonly resource: string;
  readonly context?: RequestContext;
}

const NO_CONTEXT: RequestContext = () => undefined;

/**
 * Whether a caller may do this: the one place where policies are asked. The administrator may do everything, at no cost. The code
 * of a session whose role is not configured reaches S3, all of its buckets, and nothing else.
 */
export function decide(principal: Principal, { action, resource, context = NO_CONTEXT }: AccessQuestion): Decision {
  if (principal.kind === 'administrator') return 'allowed';
  const { identity } = principal;
  if (identity !== undefined) return evaluate(identity.policies, { action, resource, context });
  return principal.kind === 'session' && action.startsWith('s3:') ? 'allowed' : 'implicitDeny';
}

/** Whether one of the caller's policies asks for a condition key; what takes work is looked up only then. */
export function policiesAsk(principal: Principal, keyPrefix: string): boolean {
  const policies = principal.identity?.policies ?? [];
  return policies.some(({ keys }) => [...keys].some((key) => key.startsWith(keyPrefix)));
}

/**
 * AWS's words for a caller who may not.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 *
 * @param resource as it is shown; `*` is not
 */
export function notAuthorizedMessage(
  { arn }: Principal,
  action: string,
  resource: string,
  decision: Exclude<Decision, 'allowed'>,
): string {
  const on = resource === '*' ? '' : ` on resource: ${resource}`;
  const why =
    decision === 'explicitDeny'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
  return `User: ${arn} is not authorized to perform: ${action}${on} ${why}`;
}

/** @throws AccessDeniedException when the caller may not do this */
export function authorize(principal: Principal, question: AccessQuestion): void {
  const decision = decide(principal, question);
  if (decision === 'allowed') return;
  throw new AccessDeniedException(notAuthorizedMessage(principal, question.action, question.resource, decision));
}
