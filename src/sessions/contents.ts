import { setTimeout as sleep } from 'node:timers/promises';
import { sessionArn } from '../access/arns.ts';
import { InvalidRequestException } from '../errors.ts';
import { activeSessions, deleteEndedSessions, workGroupHasSessions } from '../store/sessions.ts';
import type { WorkGroupContents } from '../workgroups/workgroups.ts';
import type { SessionsContext } from './context.ts';
import { terminateSession } from './terminate-session.ts';

const LONGEST_WAIT_MILLIS = 60_000;

/** The sessions of a workgroup, for its deletion. */
export function workGroupContents(context: SessionsContext): WorkGroupContents {
  return {
    exist: async (workGroup, transaction) => await workGroupHasSessions(transaction, workGroup),
    remove: async (workGroup) => {
      const active = await activeSessions(context.database, workGroup);
      await Promise.all(active.map((session) => terminateSession(context, session.id)));
      await untilEnded(context, workGroup);
      const arnOf = (session: { id: string; workgroup: string }) =>
        sessionArn(context.realm, session.workgroup, session.id);
      while ((await deleteEndedSessions(context.database, { workGroup }, arnOf)) > 0);
    },
  };
}

async function untilEnded(context: SessionsContext, workGroup: string): Promise<void> {
  const deadline = Date.now() + LONGEST_WAIT_MILLIS;
  while ((await activeSessions(context.database, workGroup)).length > 0) {
    if (Date.now() > deadline) {
      throw new InvalidRequestException(`Sessions of WorkGroup ${workGroup} are still being terminated; try again.`);
    }
    await sleep(100);
  }
}
