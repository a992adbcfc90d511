import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  CreateWorkGroupCommand,
  GetCalculationExecutionCodeCommand,
  GetSessionStatusCommand,
  GetWorkGroupCommand,
} from '@aws-sdk/client-athena';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { access, newUser } from '../access/server/people.ts';
import { run, sessionState, startIdleSession, waitForCalculation } from '../support/calculations.ts';
import { cleanEnvironment, newHome, startTestServer, type TestServer } from '../support/server.ts';

const execute = promisify(execFile);
const cli = resolve(import.meta.dirname, '..', '..', 'src', 'cli.ts');
const REASON = 'The server stopped while the session was active, and its driver was not to be found again.';

const parthenon = async (...args: string[]) =>
  (await execute(process.execPath, [cli, ...args], { env: cleanEnvironment() })).stdout;

let server: TestServer;
let restored: TestServer | undefined;
let session: string;
let calculation: string;
const folder = newHome();
const archive = join(folder, 'backup.tar.gz');

beforeAll(async () => {
  server = await startTestServer({ catalog: 'on' });
  await server.athena.send(new CreateWorkGroupCommand({ Name: 'team', Description: 'Größe' }));
  await server.s3.send(new CreateBucketCommand({ Bucket: 'written' }));
  await newUser(server, 'anna');
  session = await startIdleSession(server);
  const code = `spark.sql("CREATE DATABASE sales")
spark.range(6).write.saveAsTable("sales.numbers")
print("before")`;
  const { CalculationExecutionId, stdout, stderr } = await run(server, session, code);
  expect({ stdout, stderr }).toEqual({ stdout: 'before\n', stderr: '' });
  calculation = CalculationExecutionId as string;
});
afterAll(async () => {
  await restored?.remove();
  await server?.remove();
});

describe('parthenon backup', () => {
  it('copies a running server, while objects are written and removed, into one private archive', async () => {
    let written = 0;
    const ended = new AbortController();
    const writing = (async () => {
      while (!ended.signal.aborted) {
        const put = { Bucket: 'written', Key: `object-${written % 20}`, Body: `${written}`.repeat(1000) };
        await server.s3.send(new PutObjectCommand(put));
        if (written % 3 === 0) await server.s3.send(new DeleteObjectCommand(put));
        written += 1;
      }
    })();
    expect(await parthenon('backup', archive, '--home', server.home)).toContain(`Backed up to ${archive}.`);
    ended.abort();
    await writing;
    expect(written).toBeGreaterThan(20);
    expect(statSync(archive).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['backup.tar.gz']);
    // What was held for it is gone: each object that is there has one file, and there are no more.
    const { KeyCount } = await server.s3.send(new ListObjectsV2Command({ Bucket: 'written' }));
    const names = readdirSync(join(server.home, 'objects', 'bytes'), { recursive: true }) as string[];
    const big = names
      .filter((name) => name.includes('/'))
      .map((name) => readFileSync(join(server.home, 'objects', 'bytes', name)));
    expect(big.filter((bytes) => /^(\d+)\1{999}$/.test(bytes.toString('latin1')))).toHaveLength(KeyCount ?? -1);
  });

  it('says what is wrong with its target', async () => {
    await expect(parthenon('backup', archive, '--home', server.home)).rejects.toMatchObject({
      code: 1,
      stderr: `parthenon: ${archive} exists already.\n`,
    });
    const nowhere = join(folder, 'nowhere', 'x.tar');
    await expect(parthenon('backup', nowhere, '--home', server.home)).rejects.toMatchObject({
      stderr: `parthenon: The folder ${join(folder, 'nowhere')} does not exist.\n`,
    });
  });
});

describe('parthenon restore', () => {
  it('makes a home of which a server serves all that there was, beside the one that goes on', async () => {
    const home = newHome();
    expect(await parthenon('restore', archive, '--home', home)).toMatch(
      /^Restored \d+ files, as they were at \S+, to /,
    );
    restored = await startTestServer({ catalog: 'on' }, home);
    expect(restored.environment.AWS_SECRET_ACCESS_KEY).toBe(server.environment.AWS_SECRET_ACCESS_KEY);
    const { WorkGroup } = await restored.athena.send(new GetWorkGroupCommand({ WorkGroup: 'team' }));
    expect(WorkGroup?.Description).toBe('Größe');
    expect(await access(restored, 'list-users')).toContain('anna');
    const { CodeBlock: uri } = await restored.athena.send(
      new GetCalculationExecutionCodeCommand({ CalculationExecutionId: calculation }),
    );
    expect(uri).toContain('sales.numbers');
    expect(await waitForCalculation(restored, calculation)).toMatchObject({ stdout: 'before\n' });
    const { Contents = [] } = await restored.s3.send(new ListObjectsV2Command({ Bucket: 'written' }));
    expect(Contents.length).toBeGreaterThan(0);
    for (const { Key } of Contents) {
      const { Body } = await restored.s3.send(new GetObjectCommand({ Bucket: 'written', Key }));
      expect(await Body?.transformToString()).toMatch(/^(\d+)\1{999}$/);
    }
    const reader = await startIdleSession(restored);
    const read = await run(restored, reader, 'print(spark.sql("SELECT sum(id) FROM sales.numbers").first()[0])');
    expect(read).toMatchObject({ stdout: '15\n', stderr: '' });
    // The session of then is the other server's, which has it still.
    const { Status } = await restored.athena.send(new GetSessionStatusCommand({ SessionId: session }));
    expect(Status).toMatchObject({ State: 'FAILED', StateChangeReason: REASON });
    expect(await sessionState(server, session)).toBe('IDLE');
    expect((await run(server, session, 'print("goes on")')).stdout).toBe('goes on\n');
  });

  it('refuses a home that holds something, and an archive that is damaged, changed or none', async () => {
    const refusal = async (file: string, home = join(newHome(), 'home')) => {
      const failed = await parthenon('restore', file, '--home', home).catch((error: { stderr: string }) => error);
      expect(existsSync(join(home, 'state.db')) && home !== server.home).toBe(false);
      return (failed as { stderr: string }).stderr;
    };
    expect(await refusal(archive, server.home)).toContain(`${server.home} is not empty.`);
    expect(await refusal(join(folder, 'none.tar'))).toContain('does not exist');
    const cut = join(folder, 'cut.tar.gz');
    const bytes = readFileSync(archive);
    writeFileSync(cut, bytes.subarray(0, bytes.length / 2));
    expect(await refusal(cut)).toContain(`${cut} is damaged, or no archive: `);
    const unpacked = newHome();
    await execute('tar', ['-xf', archive, '-C', unpacked]);
    const packed = async (name: string) => {
      const file = join(folder, name);
      await execute('tar', ['-cf', file, '-C', unpacked, '.']);
      return file;
    };
    writeFileSync(join(unpacked, 'home', 'more'), '');
    expect(await refusal(await packed('more.tar'))).toContain(
      'is damaged: more does not belong to it. Nothing was restored.',
    );
    writeFileSync(join(unpacked, 'home', 'master.key'), 'another');
    expect(await refusal(await packed('changed.tar'))).toContain('master.key is not what was backed up');
    writeFileSync(join(unpacked, 'manifest.json'), '{}');
    expect(await refusal(await packed('later.tar'))).toContain('is damaged, or of a later version');
  });
});

describe('a server that is stopped', () => {
  it('is backed up all the same, and restored', async () => {
    const home = restored?.home ?? '';
    await restored?.stop();
    const file = join(folder, 'stopped.tar');
    await parthenon('backup', file, '--home', home);
    const again = join(newHome(), 'home');
    await parthenon('restore', file, '--home', again);
    const third = await startTestServer({}, again);
    expect(await waitForCalculation(third, calculation)).toMatchObject({ stdout: 'before\n' });
    expect(existsSync(join(again, 'catalog', 'derby', 'service.properties'))).toBe(true);
    await third.remove();
  });
});
