/** Live output, an extension of Athena's API: what docs/live-output.md says. */
import { followCalculation, followSession, type Listening } from '../endpoints/live/streams.ts';
import { BEGINNING, isEnd, parseCalculation, parseSession } from '../endpoints/live/position.ts';
import type { LiveEvent } from '../endpoints/live/live-event.ts';
import { getCalculation } from '../sessions/calculations.ts';
import { parseS3Uri } from '../sessions/locations.ts';
import { getSession } from '../sessions/terminate-session.ts';
import { findCalculation } from '../store/calculations.ts';
import { findSession } from '../store/sessions.ts';
import { type AccessRule, accessRules, type Target } from './access-rules.ts';
import { authorizeCall } from './authorize.ts';
import type { OperationContext } from './context.ts';
import type { CallContext } from './operation.ts';
import { WorkGroupsOfIds } from './work-groups-of-ids.ts';

export type { LiveEvent };

/** One request to follow something. */
export interface LiveCall extends CallContext, Listening {
  /** Where an earlier stream has got to. */
  readonly lastEventId: string | undefined;
}

/**
 * Begins a stream for whoever may see what it tells.
 * @returns undefined where an earlier stream has told everything
 * @throws ServiceError
 */
export type FollowOperation = (id: string, call: LiveCall) => Promise<AsyncIterable<LiveEvent> | undefined>;

export interface LiveOutput {
  readonly calculations: FollowOperation;
  readonly sessions: FollowOperation;
}

/**
 * Who may make the calls that tell states, and read from S3 what will be there: live output shows nobody more than those do.
 */
const liveRules = {
  calculation: async (input: { CalculationExecutionId: string }, context) => {
    const row = await findCalculation(context.operations.sessions.database, input.CalculationExecutionId);
    const target = await accessRules.GetCalculationExecution(input, context);
    return { ...target, alsoDoes: readingOf(row?.working_directory) };
  },
  session: async (input: { SessionId: string }, context) => {
    const row = await findSession(context.operations.sessions.database, input.SessionId);
    const target = await accessRules.GetSession(input, context);
    const asking = { action: 'athena:GetCalculationExecution', resources: target.resources.slice(-1) };
    return { ...target, alsoDoes: [asking, ...readingOf(row && `${row.working_directory}calculations/`)] };
  },
} satisfies Readonly<Record<string, AccessRule<never>>>;

function readingOf(directory: string | undefined): NonNullable<Target['alsoDoes']> {
  if (directory === undefined) return [];
  const { bucket, key } = parseS3Uri(directory);
  return [{ action: 's3:GetObject', resources: [`arn:aws:s3:::${bucket}/${key}*`] }];
}

export function createLiveOutput(context: OperationContext): LiveOutput {
  const { sessions } = context;
  const rules = { operations: context, ids: new WorkGroupsOfIds(sessions.database) };
  return {
    async calculations(id, call) {
      const input = { CalculationExecutionId: id };
      await authorizeCall('GetCalculationExecution', liveRules.calculation, input, call, rules);
      await getCalculation(sessions, id);
      const { lastEventId } = call;
      if (isEnd(lastEventId)) return undefined;
      const from = lastEventId === undefined ? BEGINNING : parseCalculation(lastEventId);
      return followCalculation(sessions, id, from, call);
    },
    async sessions(id, call) {
      await authorizeCall('GetSession', liveRules.session, { SessionId: id }, call, rules);
      await getSession(sessions, id);
      const { lastEventId } = call;
      if (isEnd(lastEventId)) return undefined;
      const from = lastEventId === undefined ? { told: undefined, calculation: undefined } : parseSession(lastEventId);
      return followSession(sessions, id, from, call);
    },
  };
}
