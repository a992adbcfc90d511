import { execFileSync } from 'node:child_process';
import {
  CreateWorkGroupCommand,
  type EngineConfiguration,
  GetSessionCommand,
  GetWorkGroupCommand,
  StartSessionCommand,
  TerminateSessionCommand,
  UpdateWorkGroupCommand,
} from '@aws-sdk/client-athena';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { locateRuntime } from '../../src/runtime/runtime.ts';
import { documentedSamples } from '../spark/documented-samples.ts';
import { run, startIdleSession, waitForSession } from '../support/calculations.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  // One core for each DPU of executors, so that MaxConcurrentDpus shows in the number of cores.
  server = await startTestServer({ 'cores-per-dpu': '1' });
});
afterAll(async () => await server?.remove());

const defaults = (Properties: Record<string, string>) => ({ Name: 'spark-defaults', Properties });

/** What the session's Spark has under these names, and its cores. */
async function insideOf(sessionId: string, names: readonly string[]): Promise<unknown> {
  const code = `import json
print(json.dumps([spark.conf.get(name, None) for name in ${JSON.stringify(names)}] + [sc.defaultParallelism]))`;
  const { stdout, stderr } = await run(server, sessionId, code);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

async function configurationOf(SessionId: string): Promise<EngineConfiguration | undefined> {
  return (await server.athena.send(new GetSessionCommand({ SessionId }))).EngineConfiguration;
}

test('PySpark engine version 3: classifications reach Spark and Hadoop, and are shown as they were sent', async () => {
  const Classifications = [
    defaults({ 'spark.sql.shuffle.partitions': '7' }),
    { Name: 'core-site', Properties: { 'fs.s3a.connection.maximum': '123' } },
    { Name: 'spark-env', Properties: { WITHOUT: 'effect' } },
  ];
  const sessionId = await startIdleSession(server, { EngineConfiguration: { MaxConcurrentDpus: 2, Classifications } });
  expect(await insideOf(sessionId, ['spark.sql.shuffle.partitions'])).toEqual(['7', 1]);
  const hadoop = 'print(sc._jsc.hadoopConfiguration().get("fs.s3a.connection.maximum"))';
  expect((await run(server, sessionId, hadoop)).stdout).toBe('123\n');
  expect(await configurationOf(sessionId)).toEqual({
    CoordinatorDpuSize: 1,
    DefaultExecutorDpuSize: 1,
    MaxConcurrentDpus: 2,
    Classifications,
  });
});

test('Apache Spark version 3.5: the workgroup’s are defaults of its sessions, and a change is for later ones', async () => {
  const NAMES = ['a', 'b', 'c', 'd', 'e'].map((letter) => `spark.order.${letter}`);
  const setting = (letters: string, value: string) =>
    Object.fromEntries([...letters].map((letter) => [`spark.order.${letter}`, value]));
  const ofWorkGroup: EngineConfiguration = {
    CoordinatorDpuSize: 1,
    MaxConcurrentDpus: 3,
    AdditionalConfigs: { Purpose: 'workgroup', Kept: 'yes' },
    Classifications: [defaults(setting('abcde', 'workgroup classification'))],
    SparkProperties: setting('bcde', 'workgroup property'),
  };
  const own: EngineConfiguration = {
    AdditionalConfigs: { Purpose: 'session' },
    Classifications: [defaults(setting('cd', 'session classification'))],
    SparkProperties: setting('d', 'session property'),
  };
  await server.athena.send(
    new CreateWorkGroupCommand({
      Name: 'newer',
      Configuration: {
        EngineVersion: { SelectedEngineVersion: 'Apache Spark version 3.5' },
        EngineConfiguration: ofWorkGroup,
      },
    }),
  );
  const shown = async () =>
    (await server.athena.send(new GetWorkGroupCommand({ WorkGroup: 'newer' }))).WorkGroup?.Configuration;
  expect((await shown())?.EngineConfiguration).toEqual(ofWorkGroup);

  const start = new StartSessionCommand({ WorkGroup: 'newer', EngineConfiguration: own });
  const first = (await server.athena.send(start)).SessionId as string;
  const changed = { MaxConcurrentDpus: 2, SparkProperties: setting('a', 'later property') };
  await server.athena.send(
    new UpdateWorkGroupCommand({ WorkGroup: 'newer', ConfigurationUpdates: { EngineConfiguration: changed } }),
  );
  expect((await shown())?.EngineConfiguration).toEqual(changed);

  await waitForSession(server, first, ['IDLE', 'FAILED']);
  expect(await insideOf(first, NAMES)).toEqual([
    'workgroup classification',
    'workgroup property',
    'session classification',
    'session property',
    'workgroup property',
    2,
  ]);
  expect(await configurationOf(first)).toEqual({
    ...own,
    AdditionalConfigs: { Purpose: 'session', Kept: 'yes' },
    CoordinatorDpuSize: 1,
    DefaultExecutorDpuSize: 1,
    MaxConcurrentDpus: 3,
  });

  const second = await startIdleSession(server, { WorkGroup: 'newer', EngineConfiguration: {} });
  expect(await insideOf(second, NAMES)).toEqual(['later property', null, null, null, null, 1]);
  expect(await configurationOf(second)).toEqual({
    CoordinatorDpuSize: 1,
    DefaultExecutorDpuSize: 1,
    MaxConcurrentDpus: 2,
  });
});

test('the sample for users, as it is printed', async () => {
  const [sample] = documentedSamples('users/workgroups.md', 'Defaults of sessions').samples;
  const code = `${sample?.code}\nprint(session["SessionId"])`;
  const env = { ...server.environment, HOME: server.home };
  const SessionId = execFileSync(locateRuntime().python, ['-c', code], { encoding: 'utf8', env }).trim();
  expect(await server.athena.send(new GetSessionCommand({ SessionId }))).toMatchObject({
    EngineConfiguration: { MaxConcurrentDpus: 10 },
    EngineVersion: 'Apache Spark version 3.5',
    SessionConfiguration: { EncryptionConfiguration: { EncryptionOption: 'SSE_S3' } },
  });
  await server.athena.send(new TerminateSessionCommand({ SessionId }));
});
