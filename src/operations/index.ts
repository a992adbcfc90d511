import { type AccessRule, accessRules } from './access-rules.ts';
import { authorizeCall } from './authorize.ts';
import { createWorkGroupOperation } from './CreateWorkGroup.ts';
import type { OperationContext } from './context.ts';
import { deleteWorkGroupOperation } from './DeleteWorkGroup.ts';
import { getCalculationExecutionOperation } from './GetCalculationExecution.ts';
import { getCalculationExecutionCodeOperation } from './GetCalculationExecutionCode.ts';
import { getCalculationExecutionStatusOperation } from './GetCalculationExecutionStatus.ts';
import { getResourceDashboardOperation } from './GetResourceDashboard.ts';
import { getSessionOperation } from './GetSession.ts';
import { getSessionEndpointOperation } from './GetSessionEndpoint.ts';
import { getSessionStatusOperation } from './GetSessionStatus.ts';
import { getWorkGroupOperation } from './GetWorkGroup.ts';
import { listApplicationDPUSizesOperation } from './ListApplicationDPUSizes.ts';
import { listCalculationExecutionsOperation } from './ListCalculationExecutions.ts';
import { listEngineVersionsOperation } from './ListEngineVersions.ts';
import { listExecutorsOperation } from './ListExecutors.ts';
import { listSessionsOperation } from './ListSessions.ts';
import { listTagsForResourceOperation } from './ListTagsForResource.ts';
import { listWorkGroupsOperation } from './ListWorkGroups.ts';
import type { CallContext, Operation, OperationTable } from './operation.ts';
import { startCalculationExecutionOperation } from './StartCalculationExecution.ts';
import { startSessionOperation } from './StartSession.ts';
import { stopCalculationExecutionOperation } from './StopCalculationExecution.ts';
import { tagResourceOperation } from './TagResource.ts';
import { terminateSessionOperation } from './TerminateSession.ts';
import { untagResourceOperation } from './UntagResource.ts';
import { updateWorkGroupOperation } from './UpdateWorkGroup.ts';
import { WorkGroupsOfIds } from './work-groups-of-ids.ts';

/** What is built, by AWS's name; the model's other operations answer that they are not. `docs/coverage.md` is generated from it. */
const built = {
  CreateWorkGroup: createWorkGroupOperation,
  DeleteWorkGroup: deleteWorkGroupOperation,
  GetCalculationExecution: getCalculationExecutionOperation,
  GetCalculationExecutionCode: getCalculationExecutionCodeOperation,
  GetCalculationExecutionStatus: getCalculationExecutionStatusOperation,
  GetResourceDashboard: getResourceDashboardOperation,
  GetSession: getSessionOperation,
  GetSessionEndpoint: getSessionEndpointOperation,
  GetSessionStatus: getSessionStatusOperation,
  GetWorkGroup: getWorkGroupOperation,
  ListApplicationDPUSizes: listApplicationDPUSizesOperation,
  ListCalculationExecutions: listCalculationExecutionsOperation,
  ListEngineVersions: listEngineVersionsOperation,
  ListExecutors: listExecutorsOperation,
  ListSessions: listSessionsOperation,
  ListTagsForResource: listTagsForResourceOperation,
  ListWorkGroups: listWorkGroupsOperation,
  StartCalculationExecution: startCalculationExecutionOperation,
  StartSession: startSessionOperation,
  StopCalculationExecution: stopCalculationExecutionOperation,
  TagResource: tagResourceOperation,
  TerminateSession: terminateSessionOperation,
  UntagResource: untagResourceOperation,
  UpdateWorkGroup: updateWorkGroupOperation,
};

/** Every operation that is built has a rule of who may call it: without one this does not compile. */
const rules = accessRules satisfies Record<keyof typeof built, AccessRule<never>> as Readonly<
  Record<string, AccessRule<object>>
>;

/** The table that `wire` serves. */
export function createOperations(context: OperationContext): OperationTable {
  const ruleContext = { operations: context, ids: new WorkGroupsOfIds(context.sessions.database) };
  const entries = Object.entries(built).map(([name, operation]) => {
    const rule = rules[name] as AccessRule<object>;
    const bound: Operation<object, object> = async (input, call) => {
      await authorizeCall(name, rule, input, call, ruleContext);
      return await (operation as BoundOperation)(context, input, call);
    };
    return [name, bound] as const;
  });
  return Object.fromEntries(entries);
}

/** `wire` has validated the input against the model's shape of the very operation, which is what this cast says. */
type BoundOperation = (context: OperationContext, input: object, call: CallContext) => Promise<object>;

export const builtOperations: readonly string[] = Object.keys(built);
