import { afterAll, beforeAll, expect, test } from 'vitest';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { ADMINISTRATOR, REGION, type S3Server, startS3Server } from './s3-server.ts';

let server: S3Server;
let url: string;

beforeAll(async () => {
  server = await startS3Server();
  const client = new S3Client({
    endpoint: server.endpoint,
    region: REGION,
    credentials: ADMINISTRATOR,
    forcePathStyle: true,
  });
  url = await getSignedUrl(client, new GetObjectCommand({ Bucket: 'bucket', Key: 'key' }), { expiresIn: 60 });
  client.destroy();
});

afterAll(async () => {
  expect(server.unexpected).toEqual([]);
  await server.close();
});

async function answerOf(changed: string): Promise<{ status: number; code?: string; message?: string }> {
  const response = await fetch(changed);
  const body = await response.text();
  const [, code, message] = /<Code>(.*?)<\/Code><Message>(.*?)<\/Message>/.exec(body) ?? [];
  return { status: response.status, code, message };
}

const WEEK =
  'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds';

test.each([
  ['604801', WEEK],
  ['9'.repeat(400), WEEK],
  ['0', 'X-Amz-Expires must be greater than 0'],
  ['-1', 'X-Amz-Expires must be greater than 0'],
  ['1.5', 'X-Amz-Expires should be a number'],
  ['undefined', 'X-Amz-Expires should be a number'],
  ['', 'X-Amz-Expires should be a number'],
])('a URL presigned for %s seconds', async (expires, message) => {
  const changed = url.replace('X-Amz-Expires=60', `X-Amz-Expires=${expires}`);
  expect(await answerOf(changed)).toEqual({ status: 400, code: 'AuthorizationQueryParametersError', message });
});

test('other parts of a presigned URL that cannot be read', async () => {
  const refused = { status: 400, code: 'AuthorizationQueryParametersError' };
  expect(await answerOf(url.replace(/&X-Amz-Expires=\d+/, ''))).toMatchObject(refused);
  expect(await answerOf(url.replace(/(X-Amz-Date=)\w+/, '$1yesterday'))).toMatchObject(refused);
  expect(await answerOf(url.replace(/(X-Amz-Algorithm=)[\w-]+/, '$1AWS4-ROT13'))).toMatchObject(refused);
  expect(await answerOf(url.replace('%2Faws4_request', ''))).toMatchObject(refused);
});

test('a presigned URL for another region', async () => {
  expect(await answerOf(url.replace(`%2F${REGION}%2F`, '%2Feu-west-3%2F'))).toEqual({
    status: 400,
    code: 'AuthorizationQueryParametersError',
    message: 'Error parsing the X-Amz-Credential parameter; Credential should be scoped to a valid region.',
  });
});

test('the same faults of an Authorization header are told as its own', async () => {
  const authorization = 'AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c';
  const response = await fetch(`${server.endpoint}/bucket`, {
    headers: { authorization, 'x-amz-date': '20260101T000000Z', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
  });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('<Code>AuthorizationHeaderMalformed</Code>');
});
