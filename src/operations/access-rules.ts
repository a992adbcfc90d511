import type * as athena from '@aws-sdk/client-athena';
import { defaultExecutionRole, parseAthenaArn, sessionArn, workGroupArn } from '../access/arns.ts';
import { findWorkGroup } from '../store/workgroups.ts';
import type { OperationContext } from './context.ts';
import type { WorkGroupsOfIds } from './work-groups-of-ids.ts';

/** What a call is about, as far as the right to make it goes. */
export interface Target {
  /**
   * ARNs, the one that a refusal names first; `*` for a call that is about no resource. A Deny on any refuses, an Allow on one
   * suffices: a session is within reach of policies that name it and of those that name its workgroup.
   */
  readonly resources: readonly string[];
  /** Set where the resource was named by an id: a refusal then tells nothing of what it stands for. */
  readonly byId?: boolean;
  /** Tags that the call gives, which need `athena:TagResource` where they come along with something else. */
  readonly tags?: readonly athena.Tag[] | undefined;
  /** Keys of the tags that the call takes away. */
  readonly tagKeys?: readonly string[] | undefined;
  /** What the call does beside what its own name says. */
  readonly alsoDoes?: readonly { readonly action: string; readonly resources: readonly string[] }[];
  /** A role that the call hands to a session or workgroup. */
  readonly role?: PassedRole | undefined;
}

/** A role that sessions will act with because of a call. */
export interface PassedRole {
  readonly arn: string;
  /** False where somebody else passed it before: to the workgroup. */
  readonly passedByCaller: boolean;
}

export interface RuleContext {
  readonly operations: OperationContext;
  readonly ids: WorkGroupsOfIds;
}

/** @returns what a call is about, whether or not that exists */
export type AccessRule<Input> = (input: Input, context: RuleContext) => Target | Promise<Target>;

const onNothing = (): Target => ({ resources: ['*'] });

/**
 * What each operation is about. The action is `athena:` and its name.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
 *
 * ListExecutors is the one that is stricter here than there, where it is about no resource: it tells of one session. Policies
 * written for AWS give it on `*` or, as the example in Athena's user guide, on the workgroup; both do here.
 */
export const accessRules = {
  CreateWorkGroup: onCreateWorkGroup,
  DeleteWorkGroup: (input: athena.DeleteWorkGroupInput, context) => onWorkGroup(input.WorkGroup, context),
  GetCalculationExecution: (input: athena.GetCalculationExecutionRequest, context) => onCalculation(input, context),
  GetCalculationExecutionCode: (input: athena.GetCalculationExecutionCodeRequest, context) =>
    onCalculation(input, context),
  GetCalculationExecutionStatus: (input: athena.GetCalculationExecutionStatusRequest, context) =>
    onCalculation(input, context),
  GetResourceDashboard: (input: athena.GetResourceDashboardRequest, context) => onDashboard(input, context),
  GetSession: (input: athena.GetSessionRequest, context) => onSession(input, context),
  GetSessionEndpoint: (input: athena.GetSessionEndpointRequest, context) => onSession(input, context),
  GetSessionStatus: (input: athena.GetSessionStatusRequest, context) => onSession(input, context),
  GetWorkGroup: (input: athena.GetWorkGroupInput, context) => onWorkGroup(input.WorkGroup, context),
  ListApplicationDPUSizes: onNothing,
  ListCalculationExecutions: (input: athena.ListCalculationExecutionsRequest, context) =>
    onWorkGroupOfSession(input, context),
  ListEngineVersions: onNothing,
  ListExecutors: (input: athena.ListExecutorsRequest, context) => onWorkGroupOfSession(input, context),
  ListSessions: (input: athena.ListSessionsRequest, context) => onWorkGroup(input.WorkGroup, context),
  ListTagsForResource: (input: athena.ListTagsForResourceInput, context) => onArn(input.ResourceARN, context),
  ListWorkGroups: onNothing,
  StartCalculationExecution: (input: athena.StartCalculationExecutionRequest, context) =>
    onWorkGroupOfSession(input, context),
  StartSession: onStart,
  StopCalculationExecution: (input: athena.StopCalculationExecutionRequest, context) => onCalculation(input, context),
  TagResource: (input: athena.TagResourceInput, context) => ({
    ...onArn(input.ResourceARN, context),
    tags: input.Tags,
  }),
  TerminateSession: (input: athena.TerminateSessionRequest, context) => onSession(input, context),
  UntagResource: (input: athena.UntagResourceInput, context) => ({
    ...onArn(input.ResourceARN, context),
    tagKeys: input.TagKeys,
  }),
  UpdateWorkGroup: (input: athena.UpdateWorkGroupInput, context) => ({
    ...onWorkGroup(input.WorkGroup, context),
    role: passed(input.ConfigurationUpdates?.ExecutionRole),
  }),
} satisfies Readonly<Record<string, AccessRule<never>>>;

function onCreateWorkGroup(input: athena.CreateWorkGroupInput, context: RuleContext): Target {
  const { resources } = onWorkGroup(input.Name, context);
  return {
    resources,
    tags: input.Tags,
    alsoDoes: input.Tags?.length ? [{ action: 'athena:TagResource', resources }] : [],
    role: passed(input.Configuration?.ExecutionRole),
  };
}

async function onStart(input: athena.StartSessionRequest, context: RuleContext): Promise<Target> {
  const { realm, keys } = context.operations.sessions;
  const name = input.WorkGroup as string;
  const workGroup = workGroupArn(realm, name);
  const tagging = { action: 'athena:TagResource', resources: [sessionArn(realm, name, '*'), workGroup] };
  const copying = { action: 'athena:ListTagsForResource', resources: [workGroup] };
  return {
    resources: [workGroup],
    tags: input.Tags,
    alsoDoes: [
      ...(input.Tags?.length || input.CopyWorkGroupTags ? [tagging] : []),
      ...(input.CopyWorkGroupTags ? [copying] : []),
    ],
    role: keys.onlyKnownRoles ? await roleOfStart(input, context) : undefined,
  };
}

/**
 * A session without a role of its call or workgroup acts with the server's default role, which nobody has passed yet: unasked it
 * would be the way around every role that is narrower.
 */
async function roleOfStart(
  input: athena.StartSessionRequest,
  { operations: { sessions } }: RuleContext,
): Promise<PassedRole> {
  if (input.ExecutionRole !== undefined) return { arn: input.ExecutionRole, passedByCaller: true };
  const row = await findWorkGroup(sessions.database, input.WorkGroup as string);
  const configuration: athena.WorkGroupConfiguration = row === undefined ? {} : JSON.parse(row.configuration_json);
  const { ExecutionRole: arn } = configuration;
  return arn ? { arn, passedByCaller: false } : { arn: defaultExecutionRole(sessions.realm), passedByCaller: true };
}

function passed(arn: string | undefined): PassedRole | undefined {
  return arn ? { arn, passedByCaller: true } : undefined;
}

function onWorkGroup(name: string | undefined, { operations }: RuleContext): Target {
  return { resources: [workGroupArn(operations.sessions.realm, name as string)] };
}

async function onSession({ SessionId: id }: { SessionId: string | undefined }, context: RuleContext): Promise<Target> {
  const workGroup = await context.ids.ofSession(id as string);
  const { realm } = context.operations.sessions;
  // Who may do it wherever it were may know that it is nowhere.
  if (workGroup === undefined) return { resources: [sessionArn(realm, '*', id as string)], byId: true };
  return { resources: [sessionArn(realm, workGroup, id as string), workGroupArn(realm, workGroup)], byId: true };
}

async function onWorkGroupOfSession(
  { SessionId: id }: { SessionId: string | undefined },
  context: RuleContext,
): Promise<Target> {
  const workGroup = (await context.ids.ofSession(id as string)) ?? '*';
  return { ...onWorkGroup(workGroup, context), byId: true };
}

async function onCalculation(
  { CalculationExecutionId: id }: { CalculationExecutionId: string | undefined },
  context: RuleContext,
): Promise<Target> {
  const workGroup = (await context.ids.ofCalculation(id as string)) ?? '*';
  return { ...onWorkGroup(workGroup, context), byId: true };
}

/** As of GetSession: within reach of policies that name the session, and of those that name its workgroup. */
function onDashboard({ ResourceARN: arn }: athena.GetResourceDashboardRequest, context: RuleContext): Target {
  const { resources } = onArn(arn, context);
  const { workGroup } = parseAthenaArn(context.operations.sessions.realm, arn as string);
  return { resources: [...new Set([...resources, ...onWorkGroup(workGroup, context).resources])] };
}

/** In the form that this server writes: an ARN of another partition is the same resource. */
function onArn(arn: string | undefined, { operations }: RuleContext): Target {
  const { realm } = operations.sessions;
  const resource = parseAthenaArn(realm, arn as string);
  const { workGroup } = resource;
  if (resource.type === 'workgroup') return { resources: [workGroupArn(realm, workGroup)] };
  return { resources: [sessionArn(realm, workGroup, resource.sessionId)] };
}
