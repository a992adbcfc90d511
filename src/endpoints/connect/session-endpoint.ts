import { setTimeout as sleep } from 'node:timers/promises';
import { SparkConnectFailed } from '../../drivers/driver.ts';
import { InvalidRequestException } from '../../errors.ts';
import type { SessionsContext } from '../../sessions/context.ts';
import { sessionStates } from '../../sessions/states.ts';
import { getSession } from '../../sessions/terminate-session.ts';
import type { SessionRow } from '../../store/tables.ts';
import { endpointUrl } from './endpoint.ts';
import type { SessionTokens } from '../session-tokens.ts';

/** How long a call waits for a session that is being started; a client's own patience is 60 s. */
const START_WAIT_MILLIS = 20_000;
const LOOK_MILLIS = 50;

/** What the functions here share. */
export interface ConnectContext {
  readonly sessions: SessionsContext;
  readonly tokens: SessionTokens;
  /** `https://host:port`; a `*` in it stands for the session's id. */
  readonly endpoint: () => string;
}

export interface SessionEndpoint {
  readonly url: string;
  readonly token: string;
  readonly expiresAt: Date;
}

/**
 * Starts Spark Connect in a session, where it does not run yet, and gives its address with a new token; tokens of before stay good.
 * @throws ResourceNotFoundException, InvalidRequestException for a session that has ended or is not there in time
 */
export async function getSessionEndpoint(context: ConnectContext, sessionId: string): Promise<SessionEndpoint> {
  const { sessions, tokens } = context;
  const row = await startedSession(sessions, sessionId);
  if (isEnding(row)) throw new InvalidRequestException(notActiveMessage(row));
  if (row.ready_at === null) {
    throw new InvalidRequestException(
      `Session is in the ${row.state} state; its endpoint is there once it is IDLE. Try again.`,
    );
  }
  await startConnect(sessions, sessionId);
  const { token, expiresAt } = tokens.issue(sessionId);
  return { url: endpointUrl(context.endpoint(), sessionId), token, expiresAt };
}

/** Has ended, or is about to. */
export function isEnding({ state }: SessionRow): boolean {
  return state === 'TERMINATING' || !sessionStates[state].active;
}

/** AWS's words first: clients look for them. */
export function notActiveMessage({ id, state, state_change_reason: reason }: SessionRow): string {
  return `Session not active: session ${id} is in the ${state} state${reason === null ? '.' : `: ${reason}`}`;
}

async function startedSession(context: SessionsContext, sessionId: string): Promise<SessionRow> {
  const deadline = Date.now() + START_WAIT_MILLIS;
  let row = await getSession(context, sessionId);
  while (row.ready_at === null && !isEnding(row) && Date.now() < deadline) {
    await sleep(LOOK_MILLIS);
    row = await getSession(context, sessionId);
  }
  return row;
}

async function startConnect(context: SessionsContext, sessionId: string): Promise<void> {
  await context.recovered;
  const driver = context.live.get(sessionId);
  try {
    if (driver !== undefined) await driver.sparkConnect();
  } catch (error) {
    if (error instanceof SparkConnectFailed) throw new InvalidRequestException(error.message);
    context.logger.warn({ err: error, sessionId }, 'Spark Connect could not be started');
    throw new InvalidRequestException('Session in unhealthy state. Please create a new session');
  }
  if (driver === undefined)
    throw new InvalidRequestException('Session in unhealthy state. Please create a new session');
}
