import { expect, test } from 'vitest';
import { accessRules, type RuleContext, type Target } from '../../src/operations/access-rules.ts';
import { builtOperations } from '../../src/operations/index.ts';

const realm = { region: 'us-east-1', accountId: '123456789012' };
const workGroup = 'arn:aws:athena:us-east-1:123456789012:workgroup/wg';
const session = `${workGroup}/session/s-1`;
const input = {
  Name: 'wg',
  WorkGroup: 'wg',
  SessionId: 's-1',
  CalculationExecutionId: 'c-1',
  ResourceARN: session,
};
const context = {
  operations: { sessions: { realm, keys: { onlyKnownRoles: false } } },
  ids: { ofSession: async () => 'wg', ofCalculation: async () => 'wg' },
} as unknown as RuleContext;

/** Resource types of the Service Authorization Reference, in short; ListExecutors is documented as being about none. */
const DOCUMENTED: Record<string, readonly string[]> = {
  CreateWorkGroup: [workGroup],
  DeleteWorkGroup: [workGroup],
  GetCalculationExecution: [workGroup],
  GetCalculationExecutionCode: [workGroup],
  GetCalculationExecutionStatus: [workGroup],
  GetResourceDashboard: [session, workGroup],
  GetSession: [session, workGroup],
  GetSessionEndpoint: [session, workGroup],
  GetSessionStatus: [session, workGroup],
  GetWorkGroup: [workGroup],
  ListApplicationDPUSizes: ['*'],
  ListCalculationExecutions: [workGroup],
  ListEngineVersions: ['*'],
  ListExecutors: [workGroup],
  ListSessions: [workGroup],
  ListTagsForResource: [session],
  ListWorkGroups: ['*'],
  StartCalculationExecution: [workGroup],
  StartSession: [workGroup],
  StopCalculationExecution: [workGroup],
  TagResource: [session],
  TerminateSession: [session, workGroup],
  UntagResource: [session],
  UpdateWorkGroup: [workGroup],
};

test.each(builtOperations)('%s is about the resources that AWS documents', async (name) => {
  const rule = accessRules[name as keyof typeof accessRules] as (one: object, other: RuleContext) => Target;
  expect((await rule(input, context)).resources).toEqual(DOCUMENTED[name]);
});

test('there is a rule for each operation, and none for others', () => {
  expect(Object.keys(accessRules).sort()).toEqual(builtOperations.toSorted());
});
