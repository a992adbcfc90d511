/** A database that any released version left comes up to date with all that it holds. */
import { createHash } from 'node:crypto';
import { type InsertObject, Kysely, PostgresDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCalculation, listCalculations } from '../../src/store/calculations.ts';
import { findByRequestToken } from '../../src/store/request-tokens.ts';
import { findSession, insertSession, listSessions } from '../../src/store/sessions.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { isPostgresUrl, migrations, openStore } from '../../src/store/store.ts';
import { listTags } from '../../src/store/tags.ts';
import { listWorkGroups } from '../../src/store/workgroups.ts';
import { type Databases, dialects } from './databases.ts';

/** Rows as each schema's server wrote them: not today's types, which later migrations change. */
// biome-ignore lint/suspicious/noExplicitAny: the tables of then
type Then = Record<string, any>;

const ARN = 'arn:aws:athena:us-east-1:123456789012:workgroup/team';
const request = { WorkGroup: 'team', Description: 'first' };

const WORK_GROUP = {
  name: 'team',
  state: 'ENABLED',
  description: 'Größe',
  configuration_json: '{"ResultConfiguration":{"OutputLocation":"s3://lake/team/"}}',
  created_at: 1_700_000_000_000,
};
const SESSION = {
  id: 'c6c7e9a4-3a0c-4f5b-9df1-0d2f6a1b8e01',
  position: 1_700_000_000_001_000,
  workgroup: 'team',
  description: 'first',
  engine_version: 'PySpark engine version 3',
  engine_configuration_json: '{"MaxConcurrentDpus":2}',
  monitoring_configuration_json: null,
  encryption_configuration_json: '{"EncryptionOption":"SSE_S3"}',
  notebook_version: null,
  notebook_id: null,
  execution_role: 'arn:aws:iam::123456789012:role/Analyst',
  working_directory: 's3://lake/team/sessions/c6c7e9a4/',
  idle_timeout_minutes: 20,
  coordinator_dpus: 1,
  worker_dpus: 1,
  state: 'TERMINATED',
  state_change_reason: 'Session was terminated per request',
  started_at: 1_700_000_000_001,
  last_modified_at: 1_700_000_000_900,
  ready_at: 1_700_000_000_100,
  idle_since: null,
  ended_at: 1_700_000_000_900,
  busy_millis: 345,
  owner: 'an-old-server',
  lease_until: 1_700_000_030_000,
  driver_json: null,
  access_key_id: 'AKIAOLDOLDOLDOLDOLD1',
};
const ACTIVE = {
  ...SESSION,
  id: 'c6c7e9a4-3a0c-4f5b-9df1-0d2f6a1b8e02',
  position: SESSION.position + 1,
  state: 'IDLE',
  state_change_reason: null,
  idle_since: 1_700_000_000_500,
  ended_at: null,
  driver_json: '{"driverId":"d","pid":1,"startTicks":"1","folder":"/x","sockets":"/x/k"}',
  access_key_id: 'AKIAOLDOLDOLDOLDOLD2',
};
const CALCULATION = {
  id: 'd6c7e9a4-3a0c-4f5b-9df1-0d2f6a1b8e01',
  position: 1_700_000_000_002_000,
  session_id: SESSION.id,
  description: null,
  code: 'print("Größe 🚀")',
  working_directory: 's3://lake/team/sessions/c6c7e9a4/calculations/d6c7e9a4/',
  state: 'COMPLETED',
  state_change_reason: null,
  submitted_at: 1_700_000_000_200,
  started_at: 1_700_000_000_210,
  completed_at: 1_700_000_000_555,
  has_result: 1,
  dpus: 2,
};
const TOKEN = {
  operation: 'StartSession',
  token: 'a-token-of-at-least-thirty-two-characters',
  parameters_hash: createHash('sha256')
    .update(JSON.stringify({ Description: request.Description, WorkGroup: request.WorkGroup }))
    .digest('hex'),
  resource_id: SESSION.id,
  created_at: 1_700_000_000_001,
};

/** What a schema has beside the first one's columns, by table. */
const ADDED: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  '0002-replies-of-request-tokens': { request_tokens: { reply_state: 'IDLE' } },
};

const released = Object.keys(migrations);

/** Makes a database as the server of one schema left it. */
async function makeAsOf(schema: string, url: string): Promise<void> {
  const dialect = isPostgresUrl(url)
    ? new PostgresDialect({ pool: new Pool({ connectionString: url }) })
    : openSqlite(url.slice('sqlite:'.length));
  const database = new Kysely<Then>({ dialect });
  const { error } = await new Migrator({ db: database, provider: { getMigrations: async () => migrations } }).migrateTo(
    schema,
  );
  expect(error).toBeUndefined();
  const added = released.slice(0, released.indexOf(schema) + 1).map((name) => ADDED[name] ?? {});
  const insert = async (table: string, row: InsertObject<Then, string>) => {
    const values = Object.assign({}, row, ...added.map((tables) => tables[table]));
    await database.insertInto(table).values(values).execute();
  };
  await insert('workgroups', WORK_GROUP);
  await insert('tags', { resource_arn: ARN, key: 'team', value: 'data' });
  for (const session of [SESSION, ACTIVE]) await insert('sessions', session);
  await insert('calculations', CALCULATION);
  await insert('request_tokens', TOKEN);
  await database.destroy();
}

for (const { title, skip, open } of dialects)
  describe.skipIf(skip)(title, () => {
    let databases: Databases;
    beforeAll(async () => {
      databases = await open();
    });
    afterAll(async () => await databases?.remove());

    it.each(released)('a database of schema %s comes up to date, and has all that it had', async (schema) => {
      const url = await databases.newUrl();
      await makeAsOf(schema, url);
      await using database = await openStore(url);
      expect((await listWorkGroups(database, { limit: 10 })).rows).toMatchObject([WORK_GROUP]);
      expect((await listTags(database, ARN, { limit: 10 })).rows).toEqual([{ key: 'team', value: 'data' }]);
      expect(await findSession(database, SESSION.id)).toMatchObject(SESSION);
      expect((await listSessions(database, 'team', { limit: 10 })).rows).toMatchObject([
        { id: ACTIVE.id, state: 'IDLE' },
      ]);
      expect(await findSession(database, ACTIVE.id)).toMatchObject(ACTIVE);
      const ended = await listSessions(database, 'team', { state: 'TERMINATED', limit: 10 });
      expect(ended.rows).toMatchObject([{ id: SESSION.id, state: SESSION.state }]);
      expect((await listCalculations(database, SESSION.id, { limit: 10 })).rows).toMatchObject([
        { id: CALCULATION.id, state: CALCULATION.state },
      ]);
      expect(await findCalculation(database, CALCULATION.id)).toMatchObject(CALCULATION);
      const repeated = await database
        .transaction()
        .execute((transaction) => findByRequestToken(transaction, 'StartSession', TOKEN.token, request));
      const told = schema >= '0002' ? 'IDLE' : null;
      expect(repeated).toEqual({ resourceId: SESSION.id, replyState: told });
      // It is written on as well.
      const row = await findSession(database, SESSION.id);
      await insertSession(database, { ...row, id: 'new', position: 1, access_key_id: 'AKIANEW' } as never);
      expect(await findSession(database, 'new')).toMatchObject({ description: 'first' });
    });
  });
