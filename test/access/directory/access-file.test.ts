import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { accessFile, changeAccessFile, readAccessFile } from '../../../src/access/directory/access-file.ts';
import { AccessDocumentError, type UserRecord } from '../../../src/access/directory/document.ts';
import { LiveDirectory } from '../../../src/access/directory/live-directory.ts';

function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'parthenon-access-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

const newUser = (): UserRecord => ({
  id: 'AIDA',
  enabled: true,
  createdAt: '2026-01-01T00:00:00Z',
  tags: {},
  policies: {},
  keys: {},
});

test('a home without the file has nobody', () => {
  expect(readAccessFile(accessFile(newHome()))).toEqual({ version: 1, users: {}, roles: {}, onlyTheseRoles: false });
});

test('changes at the same time follow each other, and leave nothing but the file, for its owner’s eyes', async () => {
  const home = newHome();
  const names = Array.from({ length: 20 }, (_, index) => `user-${index}`);
  await Promise.all(
    names.map((name) =>
      changeAccessFile(home, ({ users }) => {
        users[name] = newUser();
      }),
    ),
  );
  expect(Object.keys(readAccessFile(accessFile(home)).users).sort()).toEqual(names.sort());
  expect(readdirSync(home)).toEqual(['access.json']);
  expect(statSync(accessFile(home)).mode & 0o777).toBe(0o600);
});

test('a change that cannot be leaves the file as it was', async () => {
  const home = newHome();
  await changeAccessFile(home, ({ users }) => {
    users.anna = newUser();
  });
  const before = readFileSync(accessFile(home), 'utf8');
  const bad = changeAccessFile(home, ({ users }) => {
    users.bert = { ...newUser(), policies: { x: { Version: '2012-10-17' } } };
  });
  await expect(bad).rejects.toThrow('users.bert.policies.x: The policy has no Statement');
  expect(readFileSync(accessFile(home), 'utf8')).toBe(before);
  expect(readdirSync(home)).toEqual(['access.json']);
});

test('the lock of a process that died is taken over', async () => {
  const home = newHome();
  const lock = `${accessFile(home)}.lock`;
  writeFileSync(lock, '');
  utimesSync(lock, new Date(0), new Date(0));
  await changeAccessFile(home, ({ users }) => {
    users.anna = newUser();
  });
  expect(readdirSync(home)).toEqual(['access.json']);
});

test.each([
  ['{', 'not JSON'],
  ['{"version":2}', 'version'],
  ['{"version":1,"user":{}}', 'Unrecognized key: "user"'],
  ['{"version":1,"users":{"a b":{}}}', 'users.a b'],
])('%s is refused with its place', (text, message) => {
  const home = newHome();
  writeFileSync(accessFile(home), text);
  expect(() => readAccessFile(accessFile(home))).toThrow(AccessDocumentError);
  expect(() => readAccessFile(accessFile(home))).toThrow(message);
});

test('a server does not start with a file that it cannot use: nobody knows what it meant', () => {
  const home = newHome();
  writeFileSync(accessFile(home), '{');
  const options = { file: accessFile(home), accountId: '1', masterKey: Buffer.alloc(32), onProblem: () => undefined };
  expect(() => new LiveDirectory(options)).toThrow('access.json cannot be used: not JSON');
});

test('a file that breaks is told once, and soon, though nobody calls', async () => {
  const home = newHome();
  const problems: Error[] = [];
  const file = accessFile(home);
  const onProblem = (error: Error) => problems.push(error);
  const live = new LiveDirectory({ file, accountId: '1', masterKey: Buffer.alloc(32), onProblem });
  onTestFinished(live.watch(5));
  writeFileSync(file, '{');
  while (problems.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  for (let look = 0; look < 5; look++) live.current();
  expect(problems).toHaveLength(1);
});
