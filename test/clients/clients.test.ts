/** Unmodified clients, pointed here by the printed `export` lines and nothing else. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runtimeFolder } from '../../src/runtime/runtime.ts';
import { cleanEnvironment, startTestServer, type TestServer } from '../support/server.ts';

const execute = promisify(execFile);
const checkout = resolve(import.meta.dirname, '..', '..');
const bin = join(runtimeFolder(), 'clients', 'bin');
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ 'pool-size': '1' });
});
afterAll(async () => {
  await server.remove();
});

/** A program with the clients' environment first on its PATH. */
async function client(program: string, args: readonly string[]): Promise<string> {
  const env = { ...cleanEnvironment(), ...server.environment, AWS_PAGER: '', PATH: `${bin}:${process.env.PATH}` };
  const { stdout } = await execute(program, args, { env, cwd: server.home, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

const python = async (script: string) => await client(join(bin, 'python'), [join(import.meta.dirname, script)]);

/** The first block of the language after the heading, as printed. */
function sample(heading: string, language: string): string {
  const readme = readFileSync(join(checkout, 'README.md'), 'utf8');
  const block = new RegExp(`## ${heading}[^]*?\`\`\`${language}\\n([^]*?)\`\`\``).exec(readme)?.[1];
  if (block === undefined) throw new Error(`README.md has no ${language} block under ${heading}`);
  return block;
}

describe('README', () => {
  it('its boto3 sample prints what it says', async () => {
    const script = join(server.home, 'sample.py');
    writeFileSync(script, sample('A first session with boto3', 'python'));
    expect((await client(join(bin, 'python'), [script])).trim()).toBe('499500 4');
  });

  it('its AWS CLI sample prints Spark’s version', async () => {
    const output = await client('bash', ['-euc', sample('The same with the AWS CLI', 'sh')]);
    expect(output).toMatch(/^3\.5\.7$/m);
  });
});

describe('AWS SDK for pandas', () => {
  it('starts a session with Spark properties and runs calculations', async () => {
    expect(await python('awswrangler_session.py')).toMatch(/ok\n$/);
  });
});

describe('PyAthena', () => {
  it('runs its Spark cursor', async () => {
    expect(await python('pyathena_session.py')).toMatch(/ok\n$/);
  });
});

describe('the AWS CLI', () => {
  it('copies, lists, syncs and removes objects', async () => {
    await client('aws', ['s3', 'mb', 's3://cli-bucket']);
    writeFileSync(join(server.home, 'a.txt'), 'hello');
    await client('aws', ['s3', 'cp', 'a.txt', 's3://cli-bucket/dir/a.txt']);
    expect(await client('aws', ['s3', 'ls', 's3://cli-bucket/dir/'])).toMatch(/ 5 a\.txt/);
    await client('aws', ['s3', 'sync', 's3://cli-bucket/dir', 'copied']);
    expect(readFileSync(join(server.home, 'copied', 'a.txt'), 'utf8')).toBe('hello');
    await client('aws', ['s3', 'rm', '--recursive', 's3://cli-bucket/']);
    expect(await client('aws', ['s3', 'ls', 's3://cli-bucket/', '--recursive']).catch(() => '')).toBe('');
  });

  it('moves a file of many parts there and back whole', async () => {
    const bytes = Buffer.alloc(20 * 1024 * 1024, 'parthenon');
    writeFileSync(join(server.home, 'large.bin'), bytes);
    await client('aws', ['s3', 'mb', 's3://cli-large']);
    await client('aws', ['s3', 'cp', 'large.bin', 's3://cli-large/large.bin']);
    await client('aws', ['s3', 'cp', 's3://cli-large/large.bin', 'back.bin']);
    expect(readFileSync(join(server.home, 'back.bin')).equals(bytes)).toBe(true);
  });

  it('knows who it is, and makes, tags, lists and deletes workgroups', async () => {
    const identity = JSON.parse(await client('aws', ['sts', 'get-caller-identity', '--output', 'json']));
    expect(identity).toMatchObject({ Account: '123456789012', Arn: 'arn:aws:iam::123456789012:root' });
    const athena = async (...args: string[]) =>
      JSON.parse((await client('aws', ['athena', ...args, '--output', 'json'])) || '{}');
    await athena(
      ...['create-work-group', '--name', 'cli', '--tags', 'Key=team,Value=data', '--configuration'],
      JSON.stringify({ EngineVersion: { SelectedEngineVersion: 'Apache Spark version 3.5' } }),
    );
    expect((await athena('list-work-groups')).WorkGroups.map((group: { Name: string }) => group.Name)).toEqual([
      'cli',
      'primary',
    ]);
    const arn = 'arn:aws:athena:us-east-1:123456789012:workgroup/cli';
    expect((await athena('list-tags-for-resource', '--resource-arn', arn)).Tags).toEqual([
      { Key: 'team', Value: 'data' },
    ]);
    await athena('delete-work-group', '--work-group', 'cli');
    await expect(athena('get-work-group', '--work-group', 'cli')).rejects.toThrow(
      /InvalidRequestException.*WorkGroup cli is not found/,
    );
  });
});
