import { randomUUID } from 'node:crypto';
import {
  GetCalculationExecutionCommand,
  GetSessionStatusCommand,
  ListCalculationExecutionsCommand,
  ListSessionsCommand,
} from '@aws-sdk/client-athena';
import { nextPosition } from '../src/store/positions.ts';
import { openStore } from '../src/store/store.ts';
import type { NewCalculation, NewSession } from '../src/store/tables.ts';
import { dialects } from '../test/store/databases.ts';
import { startTestServer } from '../test/support/server.ts';
import { type Figure, median, sample } from './report.ts';

const ROWS_AT_ONCE = 500;

/**
 * What calls cost on a server with a long history, beside one with hardly any: on SQLite, and on a PostgreSQL of this machine
 * if it has one.
 */
export async function measureHistory(sessions: number, calculationsEach: number, runs: number): Promise<Figure[]> {
  const total = `${sessions} ended sessions and ${sessions * calculationsEach} calculations`;
  const figures: Figure[] = [];
  for (const { title, skip, open } of dialects) {
    if (skip) {
      figures.push({ name: `calls after ${total}, ${title}`, unit: 'ms', samples: [] });
      continue;
    }
    const databases = await open();
    const short = await callsAfter(await databases.newUrl(), 10, calculationsEach, runs);
    const long = await callsAfter(await databases.newUrl(), sessions, calculationsEach, runs);
    await databases.remove();
    for (const [call, samples] of Object.entries(long)) {
      const baseline = { name: 'after 10 sessions', median: median(short[call] ?? []) };
      figures.push({ name: `${call} after ${total}, ${title}`, unit: 'ms', samples, baseline });
    }
  }
  return figures;
}

async function callsAfter(
  url: string,
  sessions: number,
  calculationsEach: number,
  runs: number,
): Promise<Record<string, number[]>> {
  const { SessionId, CalculationExecutionId } = await fill(url, sessions, calculationsEach);
  const server = await startTestServer({ 'retention-days': '3650', 'database-url': url });
  const { athena } = server;
  const calls = {
    GetSessionStatus: () => athena.send(new GetSessionStatusCommand({ SessionId })),
    GetCalculationExecution: () => athena.send(new GetCalculationExecutionCommand({ CalculationExecutionId })),
    ListSessions: () => athena.send(new ListSessionsCommand({ WorkGroup: 'primary', MaxResults: 50 })),
    ListCalculationExecutions: () => athena.send(new ListCalculationExecutionsCommand({ SessionId, MaxResults: 50 })),
  };
  const figures: Record<string, number[]> = {};
  for (const [name, call] of Object.entries(calls)) {
    await sample(20, call);
    figures[name] = await sample(runs, call);
  }
  await server.remove();
  return figures;
}

/** @returns a session in the middle, and its last calculation */
async function fill(url: string, sessions: number, calculationsEach: number) {
  const database = await openStore(url);
  const ids = { SessionId: '', CalculationExecutionId: '' };
  let rows: { sessions: NewSession[]; calculations: NewCalculation[] } = { sessions: [], calculations: [] };
  const flush = async () => {
    const { sessions: ended, calculations } = rows;
    rows = { sessions: [], calculations: [] };
    await database.transaction().execute(async (transaction) => {
      if (ended.length > 0) await transaction.insertInto('sessions').values(ended).execute();
      for (let at = 0; at < calculations.length; at += ROWS_AT_ONCE) {
        await transaction
          .insertInto('calculations')
          .values(calculations.slice(at, at + ROWS_AT_ONCE))
          .execute();
      }
    });
  };
  for (let index = 0; index < sessions; index += 1) {
    const session = endedSession();
    const calculations = Array.from({ length: calculationsEach }, () => endedCalculation(session));
    rows.sessions.push(session);
    rows.calculations.push(...calculations);
    if (index === Math.floor(sessions / 2)) {
      ids.SessionId = session.id;
      ids.CalculationExecutionId = calculations.at(-1)?.id ?? '';
    }
    if (rows.sessions.length === ROWS_AT_ONCE) await flush();
  }
  await flush();
  await database.destroy();
  return ids;
}

function endedSession(): NewSession & { id: string } {
  const now = Date.now();
  return {
    id: randomUUID(),
    position: nextPosition(),
    workgroup: 'primary',
    description: null,
    engine_version: 'PySpark engine version 3',
    engine_configuration_json: '{"MaxConcurrentDpus":2}',
    monitoring_configuration_json: null,
    encryption_configuration_json: null,
    notebook_version: null,
    notebook_id: null,
    execution_role: 'arn:aws:iam::123456789012:role/service-role/bench',
    working_directory: 's3://bench/sessions/x/',
    idle_timeout_minutes: 20,
    coordinator_dpus: 1,
    worker_dpus: 1,
    state: 'TERMINATED',
    state_change_reason: 'Session was terminated per request',
    started_at: now,
    last_modified_at: now,
    ready_at: now,
    idle_since: null,
    ended_at: now,
    busy_millis: 1000,
    owner: 'bench',
    lease_until: now,
    driver_json: null,
    access_key_id: `ASIA${randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()}`,
  };
}

function endedCalculation(session: NewSession & { id: string }): NewCalculation & { id: string } {
  const now = Date.now();
  return {
    id: randomUUID(),
    position: nextPosition(),
    session_id: session.id,
    description: null,
    code: 'spark.range(1000).count()',
    working_directory: `${session.working_directory}calculations/x/`,
    state: 'COMPLETED',
    state_change_reason: null,
    submitted_at: now,
    started_at: now,
    completed_at: now,
    has_result: 1,
    dpus: 2,
  };
}
