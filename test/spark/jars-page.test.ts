import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetSessionStatusCommand, StartSessionCommand } from '@aws-sdk/client-athena';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, startIdleSession, waitForSession } from '../support/calculations.ts';
import { type FileServer, serveFiles } from '../support/file-server.ts';
import { buildTestJars, writeZip } from '../support/jars.ts';
import { ivySettings, publish } from '../support/maven-repository.ts';
import { newHome, startTestServer, type TestServer } from '../support/server.ts';
import { documentedSamples } from './documented-samples.ts';

const SECTIONS = ['Jars', 'Packages', 'Python, files and archives', 'While a session runs'].map((section) => ({
  section,
  ...documentedSamples('custom-jars.md', section),
}));

let folder: string;
let repository: FileServer;
let server: TestServer;
let sessionId: string;

/** A server whose operator has a mirror, and a session with all properties of the page. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parthenon-page-'));
  const jars = buildTestJars(folder);
  const published = join(folder, 'repository');
  publish(
    published,
    { name: 'greet', jar: jars.udfs, needs: ['words', 'countdown'] },
    { name: 'words', jar: jars.words },
    { name: 'countdown', jar: jars.countdown },
  );
  repository = await serveFiles(published);
  writeFileSync(join(folder, 'mirror.xml'), ivySettings(repository.address));
  const home = newHome();
  const sparkProperties = { 'spark.jars.ivySettings': join(folder, 'mirror.xml') };
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ sparkProperties }), { mode: 0o600 });
  server = await startTestServer({ catalog: 'on' }, home);
  await server.s3.send(new CreateBucketCommand({ Bucket: 'my-jars' }));
  writeZip(join(folder, 'models.zip'), { 'name.txt': 'linear\n' });
  writeZip(join(folder, 'more.zip'), { 'more.py': 'answer = 42\n' });
  await put('functions.jar', readFileSync(jars.hive));
  await put('lib/countdown.jar', readFileSync(jars.countdown));
  await put('prices.py', 'def rounded(amount):\n    return round(amount, 2)\n');
  await put('rates.csv', '1.085\n');
  await put('models.zip', readFileSync(join(folder, 'models.zip')));
  await put('late/words.jar', readFileSync(jars.words));
  await put('late/more.zip', readFileSync(join(folder, 'more.zip')));
  await put('late/more.csv', 'more\n');
  const SparkProperties = Object.assign({}, ...SECTIONS.map((section) => section.sparkProperties));
  sessionId = await startIdleSession(server, { EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties } });
});
afterAll(async () => {
  await server?.remove();
  await repository?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function put(Key: string, Body: string | Buffer): Promise<void> {
  await server.s3.send(new PutObjectCommand({ Bucket: 'my-jars', Key, Body }));
}

describe.each(SECTIONS)('$section', ({ samples }) => {
  test('its samples print what the page says', async () => {
    expect(samples.length).toBeGreaterThan(0);
    for (const { code, prints } of samples) {
      const { Status, stdout, stderr } = await run(server, sessionId, code);
      expect({ state: Status?.State, stderr, stdout: stdout.trim() }).toEqual({
        state: 'COMPLETED',
        stderr: '',
        stdout: prints.trim(),
      });
    }
  });
});

test('a session with a jar that is not there is FAILED, and says which', async () => {
  const SparkProperties = { 'spark.jars': 's3://my-jars/none.jar' };
  const EngineConfiguration = { MaxConcurrentDpus: 2, SparkProperties };
  const { SessionId = '' } = await server.athena.send(
    new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration }),
  );
  await waitForSession(server, SessionId, ['FAILED', 'IDLE']);
  const { Status } = await server.athena.send(new GetSessionStatusCommand({ SessionId }));
  expect(Status).toMatchObject({
    State: 'FAILED',
    StateChangeReason: 'spark.jars: s3://my-jars/none.jar could not be fetched: not found',
  });
  // The page shows this very line.
  expect(readFileSync(join(import.meta.dirname, '../../docs/custom-jars.md'), 'utf8')).toContain(
    `\n${Status?.StateChangeReason}\n`,
  );
});
