import type { RequestContext } from './context.ts';
import type { Policy } from './policy.ts';

/** `implicitDeny`: nothing allows it. `explicitDeny`: something denies it, whatever allows it. */
export type Decision = 'allowed' | 'implicitDeny' | 'explicitDeny';

export interface AccessRequest {
  /** IAM's name, e.g. `athena:StartSession`; its case does not matter. */
  readonly action: string;
  /** An ARN, or `*` for an action that is about no resource. */
  readonly resource: string;
  readonly context: RequestContext;
}

/**
 * What identity-based policies say: a Deny wins, an Allow is needed.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function evaluate(policies: readonly Policy[], { action, resource, context }: AccessRequest): Decision {
  const asked = action.toLowerCase();
  let allowed = false;
  for (const { statements } of policies) {
    for (const statement of statements) {
      if (allowed && statement.effect === 'Allow') continue;
      if (!statement.applies(asked, resource, context)) continue;
      if (statement.effect === 'Deny') return 'explicitDeny';
      allowed = true;
    }
  }
  return allowed ? 'allowed' : 'implicitDeny';
}
