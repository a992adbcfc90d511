/** What docs/operators/access.md prints runs, and does what it says. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { CreateWorkGroupCommand, GetWorkGroupCommand, ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parsePolicy } from '../../../src/access/policies/policy.ts';
import { cleanEnvironment, startTestServer, type TestServer } from '../../support/server.ts';
import { personOf } from './people.ts';

const execute = promisify(execFile);
const checkout = resolve(import.meta.dirname, '..', '..', '..');
const page = (name: string) => readFileSync(join(checkout, 'docs', 'operators', name), 'utf8');
const blocks = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, block = '']) => block);

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.remove();
});

/** `npx parthenon` without npm's second of thinking. */
async function shell(script: string): Promise<string> {
  const npx = `npx() { shift; "${process.execPath}" "${join(checkout, 'src', 'cli.ts')}" "$@"; }`;
  const env = { ...cleanEnvironment(), PARTHENON_HOME: server.home };
  return (await execute('bash', ['-euc', `${npx}\n${script}`], { env, cwd: server.home })).stdout;
}

it('its commands make a user and a role, and the user may do what the policy says', async () => {
  const [first = '', second = ''] = blocks(page('access.md'), 'sh');
  const anna = personOf(server, 'anna', await shell(first));
  for (const Name of ['analysts', 'others']) await server.athena.send(new CreateWorkGroupCommand({ Name }));
  expect((await anna.athena.send(new ListWorkGroupsCommand())).WorkGroups).toHaveLength(3);
  await anna.athena.send(new GetWorkGroupCommand({ WorkGroup: 'analysts' }));
  await expect(anna.athena.send(new GetWorkGroupCommand({ WorkGroup: 'others' }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
  });
  await anna.s3.send(new CreateBucketCommand({ Bucket: 'analysts' }));
  expect(await shell(second)).toContain('arn:aws:iam::123456789012:role/Analyst  policies: Analyst  passable by: anna');
});

it('its policies are policies', () => {
  const policies = blocks(page('access.md'), 'json');
  expect(policies).toHaveLength(2);
  for (const policy of policies) expect(parsePolicy(policy).statements.length).toBeGreaterThan(1);
});

it('it names every command that there is', async () => {
  const { stdout } = await execute(process.execPath, [join(checkout, 'src', 'cli.ts'), 'access', '--help']);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+-[a-z-]+)/gm)].map(([, name = '']) => name);
  expect(commands.length).toBeGreaterThan(15);
  for (const command of commands) expect(page('access.md'), command).toContain(command);
});
