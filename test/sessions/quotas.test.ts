import {
  AthenaClient,
  StartCalculationExecutionCommand,
  StartSessionCommand,
  type StartSessionCommandInput,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import type { SessionsContext } from '../../src/sessions/context.ts';
import { checkRoomForSession, type Quotas, startedBy } from '../../src/sessions/quotas.ts';
import { insertSession } from '../../src/store/sessions.ts';
import { type Database, openStore } from '../../src/store/store.ts';
import type { NewSession } from '../../src/store/tables.ts';
import { takeTurn } from '../../src/store/turns.ts';
import { type Databases, dialects } from '../store/databases.ts';
import { session } from '../store/rows.ts';
import { startCalculation, startIdleSession, waitForCalculation, waitForSession } from '../support/calculations.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const AT_ONCE = 24;
const { config } = loadConfig({}, { PARTHENON_HOME: '/nowhere' });

for (const { title, skip, open } of dialects)
  describe.skipIf(skip)(`quotas, ${title}`, () => {
    let databases: Databases;
    let database: Database;

    beforeAll(async () => {
      databases = await open();
    });
    afterAll(async () => {
      await databases.remove();
    });

    /** As StartSession does, at the same time. @returns the messages of the refusals */
    async function startAll(quotas: Partial<Quotas>, rows: readonly NewSession[], available = 1_000_000) {
      database = await openStore(await databases.newUrl());
      try {
        const context = {
          drivers: { oneIsWarm: () => false },
          settings: {
            quotas: { ...config, poolSize: 0, sessionMemory: 1_000_000, ...quotas },
            availableMemory: () => available,
          },
        } as unknown as SessionsContext;
        const results = await Promise.allSettled(
          rows.map((row) =>
            database.transaction().execute(async (transaction) => {
              await takeTurn(transaction, 'StartSession');
              await checkRoomForSession(context, transaction, row);
              await insertSession(transaction, row);
            }),
          ),
        );
        return results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as Error).message] : []));
      } finally {
        await database.destroy();
      }
    }
    const many = (row: Partial<NewSession> = {}) =>
      Array.from({ length: AT_ONCE }, () => session({ worker_dpus: 2, memory_mebibytes: 1000, ...row }));

    it.each<[string, Partial<Quotas>, number, string]>([
      ['of sessions', { maxSessions: 5 }, 5, 'Maximum allowed sessions (5) reached.'],
      ['of sessions of one user', { maxSessionsPerUser: 3 }, 3, 'Maximum allowed sessions of one user (3) reached.'],
      ['of DPUs', { maxDpus: 20 }, 6, 'Maximum allowed DPUs (20) reached: sessions have 18, and this one asks for 3.'],
      ['of memory', { sessionMemory: 4500 }, 4, 'Maximum allowed sessions for the memory of the server reached'],
      [
        'of memory, less what drivers take that wait',
        { sessionMemory: 4500, poolSize: 2 },
        3,
        'may take 3300 MiB together and have 3000; this one asks for 1000',
      ],
    ])('holds when many start at the same time: %s', async (_, quotas, most, message) => {
      const refusals = await startAll(quotas, many());
      expect(AT_ONCE - refusals.length).toBe(most);
      for (const refusal of refusals) expect(refusal).toContain(message);
    });

    it('gives each user a quota of their own, and all who act with a role one together', async () => {
      const names = ['anna', 'ben'].map((name) => `arn:aws:iam::123456789012:user/${name}`);
      const ofRole = Array.from({ length: 4 }, (_, index) =>
        startedBy({
          arn: `arn:aws:sts::123456789012:assumed-role/Analyst/${index}`,
          accountId: '123456789012',
          kind: index % 2 === 0 ? 'session' : 'role',
        }),
      );
      const rows = [...names, ...names, ...names, ...ofRole].map((started_by) => session({ started_by }));
      expect(await startAll({ maxSessionsPerUser: 2 }, rows)).toHaveLength(rows.length - 6);
    });

    it('lets one session in however little memory there is for them, and no second one', async () => {
      expect(await startAll({ sessionMemory: 1024 }, many({ memory_mebibytes: 8000 }))).toHaveLength(AT_ONCE - 1);
    });

    it('counts what is available now against all that have not taken theirs yet', async () => {
      // 256 MiB stay free, and a driver takes 600.
      const refusals = await startAll({}, many(), 2100);
      expect(AT_ONCE - refusals.length).toBe(3);
      for (const refusal of refusals) {
        expect(refusal).toContain(
          'Maximum allowed sessions for the memory that is available reached: 2100 MiB, of 2656',
        );
      }
      expect(await startAll({ minFreeMemory: 0 }, many(), 0)).toEqual([]);
    });
  });

describe('a server with quotas', () => {
  let server: TestServer;
  let patient: AthenaClient;

  beforeAll(async () => {
    server = await startTestServer({
      'session-memory': '4096',
      'max-dpus': '4',
      'max-dpus-per-session': '60',
      'max-calculations': '1',
    });
    patient = new AthenaClient({
      endpoint: server.endpoint,
      region: server.environment.AWS_REGION ?? '',
      credentials: {
        accessKeyId: server.environment.AWS_ACCESS_KEY_ID ?? '',
        secretAccessKey: server.environment.AWS_SECRET_ACCESS_KEY ?? '',
      },
    });
  });
  afterAll(async () => {
    patient?.destroy();
    await server?.remove();
  });

  const start = (EngineConfiguration: StartSessionCommandInput['EngineConfiguration']) =>
    patient.send(new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration }));

  it('refuses what does not fit, by errors that say so and that SDKs try again where that can help', async () => {
    await expect(start({ MaxConcurrentDpus: 61 })).rejects.toMatchObject({
      name: 'InvalidRequestException',
      message: expect.stringContaining('PARTHENON_MAX_DPUS_PER_SESSION'),
      $metadata: { attempts: 1 },
    });
    const first = await startIdleSession(server);
    const large = { MaxConcurrentDpus: 2, SparkProperties: { 'spark.driver.memory': '3g' } };
    await expect(start(large)).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      message: expect.stringMatching(/^Maximum allowed sessions for the memory .* 4096 MiB .* 1536; .* 3584\./),
      $metadata: { attempts: 3 },
    });
    const second = await startIdleSession(server);
    await expect(start({ MaxConcurrentDpus: 2 })).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      message: expect.stringContaining('Maximum allowed DPUs (4) reached: sessions have 4, and this one asks for 2.'),
      Reason: 'CONCURRENT_QUERY_LIMIT_EXCEEDED',
    });

    const running = await startCalculation(server, first, 'import time\ntime.sleep(3)');
    const refused = new StartCalculationExecutionCommand({ SessionId: second, CodeBlock: '1' });
    await expect(server.athena.send(refused)).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      message: expect.stringContaining('Maximum allowed calculations (1) reached.'),
    });
    await expect(startCalculation(server, first, '1')).rejects.toThrow('Session is in the BUSY state');
    await waitForCalculation(server, running);
    // What was refused has not made the session BUSY.
    expect(await waitForCalculation(server, await startCalculation(server, second, '1'))).toMatchObject({
      Status: { State: 'COMPLETED' },
    });

    await server.athena.send(new TerminateSessionCommand({ SessionId: second }));
    await waitForSession(server, second, ['TERMINATED']);
    const { SessionId } = await start({ MaxConcurrentDpus: 2 });
    expect(SessionId).toBeDefined();
  });
});
