import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../support/server.ts';
import { allow, deny, newUser, type Person, userArn } from './people.ts';

let server: TestServer;
let anna: Person;

const Bucket = 'shared';
const denied = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
const put = ({ s3 }: Pick<Person, 's3'>, Key: string, more: object = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...more }));
const get = ({ s3 }: Pick<Person, 's3'>, Key: string) => s3.send(new GetObjectCommand({ Bucket, Key }));
const list = ({ s3 }: Pick<Person, 's3'>, Prefix?: string) => s3.send(new ListObjectsV2Command({ Bucket, Prefix }));

beforeAll(async () => {
  server = await startTestServer();
  await server.s3.send(new CreateBucketCommand({ Bucket }));
  for (const key of ['home/anna/a', 'home/bert/b', 'public/p']) await put(server, key);
  // A folder for each user, as AWS's guide has it, and one that all read.
  const home = `home/\${aws:username}/*`;
  anna = await newUser(server, 'anna', [
    allow('s3:ListBucket', `arn:aws:s3:::${Bucket}`, { StringLike: { 's3:prefix': [home] } }),
    allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], `arn:aws:s3:::${Bucket}/${home}`),
    allow('s3:GetObject', `arn:aws:s3:::${Bucket}/public/*`),
  ]);
});
afterAll(async () => {
  await server.remove();
});

describe('a user with a folder of their own', () => {
  it('reads, writes and lists there, and nowhere else', async () => {
    await put(anna, 'home/anna/new');
    await get(anna, 'home/anna/a');
    await get(anna, 'public/p');
    expect((await list(anna, 'home/anna/')).KeyCount).toBe(2);
    await expect(get(anna, 'home/bert/b')).rejects.toMatchObject({
      ...denied,
      message: `User: ${userArn('anna')} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::shared/home/bert/b" because no identity-based policy allows the s3:GetObject action`,
    });
    await expect(put(anna, 'public/p')).rejects.toMatchObject(denied);
    await expect(list(anna, 'home/')).rejects.toMatchObject(denied);
    await expect(list(anna)).rejects.toMatchObject(denied);
    await expect(anna.s3.send(new ListBucketsCommand())).rejects.toMatchObject(denied);
    await expect(anna.s3.send(new CreateBucketCommand({ Bucket: 'another' }))).rejects.toMatchObject(denied);
  });

  it('copies what they may read to where they may write', async () => {
    const copy = (Key: string, source: string) =>
      anna.s3.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${source}` }));
    await copy('home/anna/copy', 'public/p');
    await expect(copy('home/anna/copy', 'home/bert/b')).rejects.toMatchObject(denied);
    await expect(copy('public/copy', 'home/anna/a')).rejects.toMatchObject(denied);
  });

  it('is not told which keys there are not where they may not list', async () => {
    await expect(get(anna, 'home/anna/nothing')).rejects.toMatchObject({
      ...denied,
      message: expect.stringContaining('s3:ListBucket on resource: "arn:aws:s3:::shared"'),
    });
    const head = anna.s3.send(new HeadObjectCommand({ Bucket, Key: 'home/anna/nothing' }));
    await expect(head).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
    await expect(get(server, 'home/anna/nothing')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it('deletes of a list what they may, and is told of the rest', async () => {
    await put(anna, 'home/anna/gone');
    const Objects = ['home/anna/gone', 'home/bert/b'].map((Key) => ({ Key }));
    const { Deleted, Errors } = await anna.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted).toEqual([{ Key: 'home/anna/gone' }]);
    expect(Errors).toMatchObject([{ Key: 'home/bert/b', Code: 'AccessDenied' }]);
    await get(server, 'home/bert/b');
    await expect(anna.s3.send(new DeleteObjectCommand({ Bucket, Key: 'home/bert/b' }))).rejects.toMatchObject(denied);
  });

  it('needs a right of its own for tags that come with an object', async () => {
    await expect(put(anna, 'home/anna/tagged', { Tagging: 'a=b' })).rejects.toMatchObject({
      message: expect.stringContaining('s3:PutObjectTagging'),
    });
  });
});

it('a policy may ask for headers of S3', async () => {
  const encrypting = await newUser(server, 'encrypting', [
    allow('s3:*'),
    deny('s3:PutObject', '*', { StringNotEquals: { 's3:x-amz-server-side-encryption': 'AES256' } }),
  ]);
  await expect(put(encrypting, 'plain')).rejects.toMatchObject({ message: expect.stringContaining('explicit deny') });
  await put(encrypting, 'sealed', { ServerSideEncryption: 'AES256' });
});
