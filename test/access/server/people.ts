import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { AthenaClient } from '@aws-sdk/client-athena';
import { S3Client } from '@aws-sdk/client-s3';
import { cleanEnvironment, type TestServer } from '../../support/server.ts';

const execute = promisify(execFile);
const cli = resolve(import.meta.dirname, '..', '..', '..', 'src', 'cli.ts');

export const ACCOUNT = '123456789012';
export const workGroupArn = (name: string) => `arn:aws:athena:us-east-1:${ACCOUNT}:workgroup/${name}`;
export const userArn = (name: string) => `arn:aws:iam::${ACCOUNT}:user/${name}`;
export const roleArn = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;

/** Somebody with a key, and clients that sign with it. */
export interface Person {
  readonly name: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly athena: AthenaClient;
  readonly s3: S3Client;
}

/** Runs `parthenon access …` on the server's home, as an operator does. @returns what it prints */
export async function access({ home }: Pick<TestServer, 'home'>, ...args: string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, [cli, 'access', ...args, '--home', home], {
    env: cleanEnvironment(),
  });
  return stdout.trim();
}

/** @param statements none: a user who may do nothing */
export async function newUser(
  server: TestServer,
  name: string,
  statements: readonly object[] = [],
  tags: readonly string[] = [],
): Promise<Person> {
  await access(server, 'create-user', name, ...tags.flatMap((tag) => ['--tag', tag]));
  if (statements.length > 0) await attach(server, ['--user', name], 'main', statements);
  return personOf(server, name, await access(server, 'create-key', name));
}

export async function attach(
  server: TestServer,
  owner: readonly string[],
  policy: string,
  statements: readonly object[],
): Promise<void> {
  await access(server, 'attach-policy', policy, policyFile(server, statements), ...owner);
}

export function policyFile({ home }: TestServer, statements: readonly object[]): string {
  const file = join(home, 'policy.json');
  writeFileSync(file, JSON.stringify({ Version: '2012-10-17', Statement: statements }));
  return file;
}

/** @param exports the lines that `create-key` prints */
export function personOf({ endpoint, environment }: TestServer, name: string, exports: string): Person {
  const accessKeyId = /AWS_ACCESS_KEY_ID=(\S+)/.exec(exports)?.[1] ?? '';
  const secretAccessKey = /AWS_SECRET_ACCESS_KEY=(\S+)/.exec(exports)?.[1] ?? '';
  const client = {
    endpoint,
    region: environment.AWS_REGION ?? '',
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  };
  return {
    name,
    accessKeyId,
    secretAccessKey,
    athena: new AthenaClient(client),
    s3: new S3Client({ ...client, forcePathStyle: true }),
  };
}

export const allow = (Action: string | string[], Resource: string | string[] = '*', Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
});

export const deny = (Action: string | string[], Resource: string | string[] = '*', Condition?: object) => ({
  ...allow(Action, Resource, Condition),
  Effect: 'Deny',
});
