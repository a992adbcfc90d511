import { defaultExecutionRole } from '../access/arns.ts';
import { authorize, decide, notAuthorizedMessage, policiesAsk } from '../access/authorize.ts';
import type { Decision } from '../access/policies/evaluate.ts';
import { type ContextKeys, requestContext, tagKeys } from '../access/request-context.ts';
import { AccessDeniedException, InvalidRequestException } from '../errors.ts';
import { listTags } from '../store/tags.ts';
import type { AccessRule, PassedRole, RuleContext, Target } from './access-rules.ts';
import type { CallContext } from './operation.ts';

/** AWS allows 50 on a resource. */
const ALL_TAGS = 1000;

/**
 * Asks whether the caller may make a call, and hand on the role that it names. The administrator may, and is asked nothing but
 * whether that role exists.
 *
 * @throws AccessDeniedException in AWS's words, InvalidRequestException for a role that is not
 */
export async function authorizeCall<Input>(
  name: string,
  rule: AccessRule<Input>,
  input: Input,
  call: CallContext,
  context: RuleContext,
): Promise<void> {
  const { principal, noteResource } = call;
  const { keys } = context.operations.sessions;
  // The hot path: thousands of status calls a second by whoever runs the server.
  if (principal.kind === 'administrator' && noteResource === undefined && !keys.onlyKnownRoles) return;
  const target = await rule(input, context);
  noteResource?.(target.resources[0] as string);
  if (principal.kind !== 'administrator') await askPolicies(name, target, call, context);
  if (target.role !== undefined && keys.onlyKnownRoles) checkRole(target.role, call, context);
}

async function askPolicies(name: string, target: Target, call: CallContext, context: RuleContext): Promise<void> {
  const asked = [{ action: `athena:${name}`, resources: target.resources }, ...(target.alsoDoes ?? [])];
  for (const { action, resources } of asked) {
    const decisions = await Promise.all(
      resources.map(async (resource) => {
        const keys = await keysOf(resource, target, call, context);
        return decide(call.principal, { action, resource, context: contextOf(call, context, keys) });
      }),
    );
    const decision = together(decisions);
    if (decision === 'allowed') continue;
    const [resource = '*'] = resources;
    throw new AccessDeniedException(
      target.byId ? unnamedRefusal(action) : notAuthorizedMessage(call.principal, action, resource, decision),
    );
  }
}

/** A Deny on any refuses, an Allow on one suffices. */
function together(decisions: readonly Decision[]): Decision {
  if (decisions.includes('explicitDeny')) return 'explicitDeny';
  return decisions.includes('allowed') ? 'allowed' : 'implicitDeny';
}

/** Athena's own words for what it does not name: the same for what lies in another workgroup and for what is nowhere. */
function unnamedRefusal(action: string): string {
  return (
    `You are not authorized to perform: ${action} on the resource. ` +
    'After your AWS administrator or you have updated your permissions, please try again.'
  );
}

/** Condition keys of one resource and of the request. */
async function keysOf(
  arn: string,
  { tags = [], tagKeys: removed = [] }: Target,
  { principal }: CallContext,
  { operations }: RuleContext,
): Promise<ContextKeys> {
  const given = tags.map(({ Key: key = '', Value: value = '' }) => ({ key, value }));
  const stored = policiesAsk(principal, 'aws:resourcetag/')
    ? await listTags(operations.sessions.database, arn, { limit: ALL_TAGS })
    : { rows: [] };
  const names = [...given.map(({ key }) => key), ...removed];
  return {
    ...tagKeys('aws:resourcetag', stored.rows),
    ...tagKeys('aws:requesttag', given),
    ...(names.length > 0 && { 'aws:tagkeys': names }),
  };
}

/**
 * `iam:PassRole`, as AWS asks for it: on the role, for Athena.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
 */
function checkRole({ arn, passedByCaller }: PassedRole, call: CallContext, context: RuleContext): void {
  const { keys, realm } = context.operations.sessions;
  const role = keys.role(arn);
  if (role === undefined && arn !== defaultExecutionRole(realm)) {
    throw new InvalidRequestException(
      `executionRole ${arn} does not exist. \`parthenon access list-roles\` shows the roles of this server.`,
    );
  }
  if (!passedByCaller) return;
  const question = {
    action: 'iam:PassRole',
    resource: arn,
    context: contextOf(call, context, { 'iam:passedtoservice': 'athena.amazonaws.com' }),
  };
  const passable = role?.passableBy.has(call.principal.arn) && decide(call.principal, question) !== 'explicitDeny';
  if (!passable) authorize(call.principal, question);
}

function contextOf(call: CallContext, { operations }: RuleContext, keys: ContextKeys | undefined) {
  return requestContext(call.principal, call.source, operations.sessions.realm.region, keys);
}
