import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmbeddedStore } from '../../src/objects/embedded/embedded-store.ts';
import { createEmbeddedObjectStore } from '../../src/objects/embedded-object-store.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import type { SessionsContext } from '../../src/sessions/context.ts';
import { LogTraffic, sendKept, sweepLogs } from '../../src/sessions/session-logs.ts';
import { insertSession } from '../../src/store/sessions.ts';
import { type Database, openStore } from '../../src/store/store.ts';
import { session } from '../store/rows.ts';

const MEBIBYTE = 1024 ** 2;
const home = mkdtempSync(join(tmpdir(), 'parthenon-logs-'));
const logger = pino({ level: 'silent' });
let database: Database;
let embedded: EmbeddedStore;
let objects: ObjectStore;

beforeAll(async () => {
  database = await openStore(`sqlite:${join(home, 'state.db')}`, { logger });
  embedded = await EmbeddedStore.open(join(home, 'objects'));
  objects = createEmbeddedObjectStore(embedded);
  await objects.ensureBucket('bucket');
});
afterAll(async () => {
  await embedded.close();
  await database.destroy();
  rmSync(home, { recursive: true, force: true });
});

/** A session that runs, with a real store and real S3, and a folder in place of a driver. */
async function running(id: string, monitoring: object | null) {
  await insertSession(
    database,
    session({
      id,
      working_directory: `s3://bucket/sessions/${id}/`,
      monitoring_configuration_json: monitoring && JSON.stringify(monitoring),
    }),
  );
  const folder = join(home, 'drivers', id);
  const log = join(folder, 'event-log', `eventlog_v2_${id}`);
  mkdirSync(log, { recursive: true });
  const context = {
    database,
    objects,
    logger,
    logTraffic: new LogTraffic(),
    settings: { eventLogs: true, logSeconds: 30, keptLogs: join(home, 'kept') },
    live: new Map([[id, { identity: { folder } }]]),
    background: new Set<Promise<void>>(),
  } as unknown as SessionsContext;
  const sweep = async (seconds: number) => {
    await sweepLogs(context, seconds * 1000);
    await Promise.all(context.background);
  };
  return { context, folder, log, sweep };
}

async function stored(key: string): Promise<string | undefined> {
  return await objects.get({ bucket: 'bucket', key }).then(text, () => undefined);
}

test('files of an event log that are full are in S3 and off the disk while the session runs; the last one is left alone', async () => {
  const id = '11111111-1111-4111-8111-111111111111';
  const { log, sweep } = await running(id, null);
  const names = [2, 10, 1].map((number) => `events_${number}_${id}.zstd`);
  for (const name of names) writeFileSync(join(log, name), name);
  writeFileSync(join(log, `appstatus_${id}.inprogress`), '');
  await sweep(0);
  expect(readdirSync(log).sort()).toEqual([`appstatus_${id}.inprogress`, `events_10_${id}.zstd`]);
  const key = (number: number) => `sessions/${id}/logs/event-log/eventlog_v2_${id}/events_${number}_${id}.zstd`;
  expect(await Promise.all([1, 2, 10].map((number) => stored(key(number))))).toEqual([names[2], names[0], undefined]);
});

test('a text that grows is sent when it has changed, in pieces that are sent once; a pipe in its place is not waited for', async () => {
  const id = '22222222-2222-4222-8222-222222222222';
  const { context, folder, sweep } = await running(id, { S3LoggingConfiguration: { Enabled: true } });
  const [file, key] = [join(folder, 'driver.log'), `sessions/${id}/logs/driver/stderr.log`];
  execFileSync('mkfifo', [join(folder, 'driver.out')]);
  writeFileSync(file, 'a'.repeat(16 * MEBIBYTE));
  appendFileSync(file, 'b');
  await sweep(0);
  expect((await stored(`${key}.1`))?.length).toBe(16 * MEBIBYTE);
  expect(await stored(key)).toBe('b');
  await objects.delete({ bucket: 'bucket', key: `${key}.1` });
  appendFileSync(file, 'c');
  await sweep(29);
  expect(await stored(key)).toBe('b');
  await sweep(30);
  expect([await stored(key), await stored(`${key}.1`)]).toEqual(['bc', undefined]);
  expect(context.logTraffic.said.get(id)?.size).toBe(1);
});

test('what S3 refuses for good is given up at the end, and what nobody lists any more is removed', async () => {
  const id = '33333333-3333-4333-8333-333333333333';
  const { context } = await running(id, {
    S3LoggingConfiguration: { Enabled: true, LogLocation: 's3://bucket/no-right' },
    ManagedLoggingConfiguration: { Enabled: true },
  });
  const denied = {
    sessionPrincipal: () => ({ kind: 'session', arn: 'arn', identity: { policies: [], attributes: new Map() } }),
  };
  const kept = (each: string) => join(context.settings.keptLogs, each);
  const unknown = '44444444-4444-4444-8444-444444444444';
  for (const each of [id, unknown]) {
    mkdirSync(kept(each), { recursive: true });
    writeFileSync(join(kept(each), 'spark.log'), 'words');
    await sendKept({ ...context, keys: denied, realm: { region: 'us-east-1' } } as unknown as SessionsContext, each);
    expect(existsSync(kept(each))).toBe(false);
  }
  expect(await stored(`sessions/${id}/logs/managed/driver/spark.log`)).toBe('words');
  expect(await stored(`no-right/sessions/${id}/driver/spark.log`)).toBeUndefined();
});
