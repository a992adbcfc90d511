import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListEngineVersionsCommand, ListWorkGroupsCommand, StartSessionCommand } from '@aws-sdk/client-athena';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer, until } from '../../support/server.ts';
import { sign } from '../../wire/signing.ts';
import { access, allow, newUser, type Person, personOf, userArn, workGroupArn } from './people.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.remove();
});

const listsWorkGroups = async ({ athena }: Person) =>
  (await athena.send(new ListWorkGroupsCommand())).WorkGroups?.length;

describe('a user', () => {
  it('may do nothing until a policy says so, and is told in AWS’s words', async () => {
    const stranger = await newUser(server, 'stranger');
    const start = new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: {} });
    await expect(stranger.athena.send(start)).rejects.toMatchObject({
      name: 'AccessDeniedException',
      $metadata: { httpStatusCode: 400 },
      message: `User: ${userArn('stranger')} is not authorized to perform: athena:StartSession on resource: ${workGroupArn('primary')} because no identity-based policy allows the athena:StartSession action`,
    });
    await expect(stranger.athena.send(new ListEngineVersionsCommand())).rejects.toMatchObject({
      message: `User: ${userArn('stranger')} is not authorized to perform: athena:ListEngineVersions because no identity-based policy allows the athena:ListEngineVersions action`,
    });
    await expect(stranger.s3.send(new ListBucketsCommand())).rejects.toMatchObject({
      name: 'AccessDenied',
      $metadata: { httpStatusCode: 403 },
      message: `User: ${userArn('stranger')} is not authorized to perform: s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action`,
    });
  });

  it('is told by GetCallerIdentity who they are', async () => {
    const { accessKeyId, secretAccessKey } = await newUser(server, 'known');
    const principal = { arn: '', accountId: '', kind: 'user' } as const;
    const body = 'Action=GetCallerIdentity&Version=2011-06-15';
    const plain = { method: 'POST', path: '/', body, headers: { host: new URL(server.endpoint).host } };
    const key = { accessKeyId, secretAccessKey, principal };
    const signed = await sign(plain, { key, service: 'sts', region: 'us-east-1', date: new Date() });
    const { host: _, ...headers } = signed.headers as Record<string, string>;
    const text = await (await fetch(server.endpoint, { method: 'POST', headers, body })).text();
    expect(text).toContain(`<Arn>${userArn('known')}</Arn>`);
    expect(text).toMatch(/<UserId>AIDA[A-Z2-7]{16}<\/UserId><Account>123456789012<\/Account>/);
  });

  it('follows every change at once, without a restart', async () => {
    const person = await newUser(server, 'changing', [allow('athena:List*')]);
    const { accessKeyId } = person;
    const refused = { name: 'UnrecognizedClientException' };
    expect(await listsWorkGroups(person)).toBe(1);
    await access(server, 'disable-key', accessKeyId);
    await expect(listsWorkGroups(person)).rejects.toMatchObject(refused);
    await access(server, 'enable-key', accessKeyId);
    expect(await listsWorkGroups(person)).toBe(1);
    await access(server, 'disable-user', 'changing');
    await expect(listsWorkGroups(person)).rejects.toMatchObject(refused);
    await access(server, 'enable-user', 'changing');
    const next = personOf(server, 'changing', await access(server, 'rotate-key', accessKeyId));
    await expect(listsWorkGroups(person)).rejects.toMatchObject(refused);
    expect(await listsWorkGroups(next)).toBe(1);
    await access(server, 'detach-policy', 'main', '--user', 'changing');
    await expect(listsWorkGroups(next)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await access(server, 'delete-key', next.accessKeyId);
    await expect(listsWorkGroups(next)).rejects.toMatchObject(refused);
    await access(server, 'delete-user', 'changing');
    expect(await access(server, 'list-users')).not.toContain('changing');
  });
});

describe('the access file', () => {
  it('holds no secret in clear, nor does what the server logs', async () => {
    const { secretAccessKey } = await newUser(server, 'sealed', [allow('athena:List*')]);
    expect(readFileSync(join(server.home, 'access.json'), 'utf8')).not.toContain(secretAccessKey);
    expect(server.log()).not.toContain(secretAccessKey);
  });

  it('that is broken keeps the last good state, loudly, until it is repaired', async () => {
    const person = await newUser(server, 'steady', [allow('athena:ListWork*')]);
    const file = join(server.home, 'access.json');
    const good = readFileSync(file, 'utf8');
    expect(await listsWorkGroups(person)).toBe(1);
    writeFileSync(file, good.replace('"athena:ListWork*"', '"ListWork*"'));
    expect(await listsWorkGroups(person)).toBe(1);
    await until(() => /Users and roles cannot be read/.test(server.log()), 10_000);
    expect(server.log()).toMatch(/users\.steady\.policies\.main: Statement\[0\]\.Action: .*ListWork\*.* is no action/);
    await expect(access(server, 'create-user', 'unlucky')).rejects.toMatchObject({
      stderr: expect.stringContaining('access.json cannot be used'),
    });
    writeFileSync(file, good.replace('"athena:ListWork*"', '"athena:Get*"'));
    await expect(listsWorkGroups(person)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    writeFileSync(file, good);
    expect(await listsWorkGroups(person)).toBe(1);
  });

  it('takes changes of several commands at once', async () => {
    const names = ['one', 'two', 'three', 'four'];
    await Promise.all(names.map((name) => access(server, 'create-user', `together-${name}`)));
    const listed = await access(server, 'list-users');
    for (const name of names) expect(listed).toContain(`together-${name}`);
  });
});

describe('parthenon access', () => {
  it.each([
    [['create-user', '../x'], 'the name must be 1 to 64 letters'],
    [['create-user', '__proto__'], 'the name must be 1 to 64 letters'],
    [['create-key', 'nobody'], 'There is no user nobody.'],
    [['create-key', 'constructor'], 'There is no user constructor.'],
    [['delete-key', 'AKIANOTHERE000000000'], 'There is no key AKIANOTHERE000000000.'],
    [['list-policies'], 'Give either --user or --role.'],
    [['create-user', 'x', '--tag', 'team'], 'team is no tag: write key=value.'],
  ])('%j says what is wrong', async (args, message) => {
    await expect(access(server, ...args)).rejects.toMatchObject({ stderr: expect.stringContaining(message) });
  });

  it('shows and lists what was attached', async () => {
    await newUser(server, 'shown', [allow('athena:*')]);
    expect(await access(server, 'list-policies', '--user', 'shown')).toBe('main');
    const shown = JSON.parse(await access(server, 'show-policy', 'main', '--user', 'shown'));
    expect(shown.Statement).toEqual([allow('athena:*')]);
  });

  it('refuses a policy that cannot be, with the place', async () => {
    await access(server, 'create-user', 'refused');
    const file = join(server.home, 'bad.json');
    writeFileSync(
      file,
      JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'athena:*' }] }),
    );
    await expect(access(server, 'attach-policy', 'bad', file, '--user', 'refused')).rejects.toMatchObject({
      stderr: expect.stringContaining('bad.json is no policy: Statement[0]: has neither Resource nor NotResource'),
    });
    expect(await access(server, 'list-policies', '--user', 'refused')).toBe('');
  });
});
