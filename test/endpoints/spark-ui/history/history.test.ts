import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SparkHistory } from '../../../../src/endpoints/spark-ui/history/history.ts';
import { UiProblem } from '../../../../src/endpoints/spark-ui/problem.ts';
import type { SessionUi } from '../../../../src/endpoints/spark-ui/uis.ts';
import { locateRuntime } from '../../../../src/runtime/runtime.ts';
import type { SessionRow } from '../../../../src/store/tables.ts';
import { processesOf } from '../../../catalog/processes.ts';
import { newHome, until } from '../../../support/server.ts';

const folder = join(newHome(), 'history');
const session = (id: string) => ({ id }) as SessionRow;
const kept = randomUUID();
let fetches = 0;
let history: SparkHistory;

beforeAll(() => {
  history = new SparkHistory({
    ...locateRuntime(),
    folder,
    memoryMebibytes: 256,
    idleMillis: 1_000,
    fetchLog: async ({ id }, logs) => {
      fetches += 1;
      if (id === kept) writeLog(id, logs);
      return id === kept;
    },
    logger: pino({ level: 'silent' }),
  });
});
afterAll(async () => await history.close());

/** The least that is an event log: an application that has begun and ended. */
function writeLog(id: string, logs: string): void {
  const log = join(logs, `eventlog_v2_${id}`);
  const events = [
    { Event: 'SparkListenerLogStart', 'Spark Version': '3.5.7' },
    { Event: 'SparkListenerApplicationStart', 'App Name': 'kept', 'App ID': id, Timestamp: 1, User: 'somebody' },
    { Event: 'SparkListenerApplicationEnd', Timestamp: 2 },
  ];
  mkdirSync(log, { recursive: true });
  writeFileSync(join(log, `appstatus_${id}`), '');
  writeFileSync(join(log, `events_1_${id}`), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

const processes = () => processesOf(folder);

async function ask({ address }: SessionUi): Promise<unknown> {
  const headers = { 'x-parthenon-secret': address.secret };
  const url = `http://127.0.0.1:${address.port}/api/v1/applications/${kept}`;
  const reply = await fetch(url, { headers });
  expect(reply.headers.get('x-parthenon-proof')).toBe(address.proof);
  return await reply.json();
}

test('one process is started for all who look at once, and fetches a log once', async () => {
  expect(existsSync(folder)).toBe(false);
  const uis = await Promise.all([history.of(session(kept)), history.of(session(kept))]);
  expect(processes()).toHaveLength(1);
  expect(fetches).toBe(1);
  expect(uis[0]?.address).toEqual(uis[1]?.address);
  expect(await ask(uis[0] as SessionUi)).toMatchObject({ id: kept, name: 'kept', attempts: [{ completed: true }] });
});

test('a session without an event log has no history, and is looked for again', async () => {
  const before = fetches;
  for (const _ of [1, 2]) await expect(history.of(session(randomUUID()))).rejects.toThrow(UiProblem);
  expect(fetches).toBe(before + 2);
});

test('when nobody looks any more it ends, and leaves nothing but its own log', async () => {
  await until(() => processes().length === 0, 60_000);
  await until(() => !['logs', 'store', 'tmp'].some((name) => existsSync(join(folder, name))), 10_000);
  expect(await ask(await history.of(session(kept)))).toMatchObject({ id: kept });
  expect(processes()).toHaveLength(1);
});

test('it is ended with the server, and not started after that', async () => {
  await history.close();
  expect(processes()).toHaveLength(0);
  await expect(history.of(session(kept))).rejects.toMatchObject({ status: 503 });
});
