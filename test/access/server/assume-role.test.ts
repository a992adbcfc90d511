import { AthenaClient, ListWorkGroupsCommand, StartSessionCommand } from '@aws-sdk/client-athena';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../support/server.ts';
import { access, ACCOUNT, allow, deny, newUser, type Person, policyFile, roleArn, userArn } from './people.ts';

let server: TestServer;
let anna: Person;
let bert: Person;

const assume = (RoleArn: string, more: object = {}) =>
  new AssumeRoleCommand({ RoleArn, RoleSessionName: 'annas-work', ...more });
const denied = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };

function clientFor(who: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }) {
  const { accessKeyId, secretAccessKey, sessionToken } = who;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  const client = { endpoint: server.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 };
  return {
    sts: new STSClient(client),
    athena: new AthenaClient(client),
    s3: new S3Client({ ...client, forcePathStyle: true }),
  };
}

async function actAs(person: Person, role: string) {
  const { Credentials } = await clientFor(person).sts.send(assume(roleArn(role)));
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  return clientFor({ accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken });
}

beforeAll(async () => {
  server = await startTestServer();
  await server.s3.send(new CreateBucketCommand({ Bucket: 'lake' }));
  const lake = [allow(['s3:ListBucket', 'sts:AssumeRole']), allow('athena:ListWorkGroups')];
  await access(server, 'create-role', 'Lake', '--policy', policyFile(server, lake));
  await access(server, 'create-role', 'Other', '--policy', policyFile(server, lake));
  anna = await newUser(server, 'anna', [
    allow('sts:AssumeRole', [roleArn('Lake'), roleArn('Nowhere')]),
    deny('sts:AssumeRole', '*', { StringNotLike: { 'sts:RoleSessionName': 'annas-*' } }),
  ]);
  bert = await newUser(server, 'bert', [allow(['s3:*', 'athena:*', 'iam:*'])]);
});
afterAll(async () => await server?.remove());

describe('AssumeRole', () => {
  it('makes a caller who may the role: what its policies say, and nothing of what they may themselves', async () => {
    const { AssumedRoleUser, Credentials } = await clientFor(anna).sts.send(assume(roleArn('Lake')));
    const Arn = `arn:aws:sts::${ACCOUNT}:assumed-role/Lake/annas-work`;
    expect(AssumedRoleUser).toEqual({ Arn, AssumedRoleId: expect.stringMatching(/^AROA\w{16}:annas-work$/) });
    expect(Credentials?.AccessKeyId).toMatch(/^ASIA/);
    expect(Number(Credentials?.Expiration) - Date.now()).toBeGreaterThan(3_500_000);
    const role = await actAs(anna, 'Lake');
    expect(await role.sts.send(new GetCallerIdentityCommand({}))).toMatchObject({ Arn, Account: ACCOUNT });
    await role.s3.send(new ListObjectsV2Command({ Bucket: 'lake' }));
    await role.athena.send(new ListWorkGroupsCommand({}));
    await expect(role.s3.send(new CreateBucketCommand({ Bucket: 'another' }))).rejects.toMatchObject(denied);
    await expect(
      role.athena.send(new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: {} })),
    ).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining(`User: ${Arn} is not authorized`),
    });
  });

  it('may be chained, for an hour', async () => {
    const role = await actAs(anna, 'Lake');
    await role.sts.send(assume(roleArn('Other')));
    await expect(role.sts.send(assume(roleArn('Other'), { DurationSeconds: 7200 }))).rejects.toMatchObject({
      name: 'ValidationError',
      message: expect.stringContaining('role chaining'),
    });
  });

  it('is refused to who may not, of a role that is nowhere, and under a name that a policy forbids', async () => {
    await expect(clientFor(bert).sts.send(assume(roleArn('Lake')))).rejects.toMatchObject({
      ...denied,
      message: `User: ${userArn('bert')} is not authorized to perform: sts:AssumeRole on resource: ${roleArn('Lake')} because no identity-based policy allows the sts:AssumeRole action`,
    });
    await expect(clientFor(anna).sts.send(assume(roleArn('Nowhere')))).rejects.toMatchObject(denied);
    await expect(
      clientFor(anna).sts.send(assume(roleArn('Lake'), { RoleSessionName: 'berts-work' })),
    ).rejects.toMatchObject(denied);
  });

  it.each([
    ['an ARN that is no role’s', { RoleArn: userArn('anna') }, 'RoleArn must be'],
    ['a short time', { DurationSeconds: 60 }, 'DurationSeconds must be'],
    ['a session policy, which would be passed over', { Policy: '{}' }, 'Policy is not served here'],
  ])('refuses %s', async (_, more, message) => {
    await expect(clientFor(anna).sts.send(assume(roleArn('Lake'), more))).rejects.toMatchObject({
      name: 'ValidationError',
      message: expect.stringContaining(message),
    });
  });
});

describe('the keys of a role', () => {
  it('are worth nothing without their token, with another’s, or changed', async () => {
    const { Credentials } = await clientFor(anna).sts.send(assume(roleArn('Lake')));
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
    const another = await clientFor(anna).sts.send(assume(roleArn('Lake')));
    const keys = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
    for (const sessionToken of ['', another.Credentials?.SessionToken ?? '', `${SessionToken.slice(0, -8)}AAAAAAAA`]) {
      const client = clientFor({ ...keys, sessionToken });
      await expect(client.s3.send(new ListObjectsV2Command({ Bucket: 'lake' }))).rejects.toMatchObject({
        name: 'InvalidAccessKeyId',
      });
      await expect(client.athena.send(new ListWorkGroupsCommand({}))).rejects.toMatchObject({
        name: 'UnrecognizedClientException',
      });
    }
  });

  it('go with the role', async () => {
    await access(server, 'create-role', 'Brief', '--policy', policyFile(server, [allow('s3:*')]));
    await access(server, 'attach-policy', 'brief', policyFile(server, [allow('sts:*')]), '--user', 'bert');
    const role = await actAs(bert, 'Brief');
    await role.s3.send(new ListObjectsV2Command({ Bucket: 'lake' }));
    await access(server, 'delete-role', 'Brief');
    await expect(role.s3.send(new ListObjectsV2Command({ Bucket: 'lake' }))).rejects.toMatchObject({
      name: 'InvalidAccessKeyId',
    });
  });
});
