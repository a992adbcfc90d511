import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EmbeddedStore } from '../../src/objects/embedded/embedded-store.ts';
import { createS3Handler } from '../../src/wire/s3/handler.ts';
import { createSignatureVerifier } from '../../src/wire/sigv4.ts';
import { ADMINISTRATOR, keys, REGION, sign } from './signing.ts';
import { type RunningServer, startServer } from './support.ts';

/** The whole server, with a real store behind it that has a bucket. */
async function startWithStore(): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'parthenon-dispatch-'));
  const store = await EmbeddedStore.open(folder);
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await store.createBucket('bucket');
  const verifier = createSignatureVerifier({ keys, region: REGION, services: ['s3'] });
  const logger = { error: () => undefined };
  return startServer({ s3: createS3Handler({ store, verifier, keys, region: REGION, logger }) });
}

/** Puts an object, but sends its bytes only when it is told to go on, as botocore does. */
async function putPatiently({ port }: RunningServer, path: string, changes: Record<string, string> = {}) {
  const body = 'x'.repeat(1000);
  const headers = {
    host: `127.0.0.1:${port}`,
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    'content-length': String(body.length),
    ...changes,
  };
  const signed = await sign({ method: 'PUT', path, headers }, { service: 's3', date: new Date(), key: ADMINISTRATOR });
  const sent = { ...(signed.headers as Record<string, string>), expect: '100-continue' };
  const request = httpRequest({ port, host: '127.0.0.1', method: 'PUT', path, headers: sent });
  let continued = false;
  request.on('continue', () => {
    continued = true;
    request.end(body);
  });
  request.flushHeaders();
  const [response] = await once(request, 'response');
  const text = Buffer.concat(await response.toArray()).toString();
  request.destroy();
  const code = /<Code>(.*?)<\/Code>/.exec(text)?.[1];
  return { continued, status: response.statusCode, code, connection: response.headers.connection };
}

test('an upload that S3 takes is told to go on, and its connection serves on', async () => {
  const server = await startWithStore();
  expect(await putPatiently(server, '/bucket/key')).toEqual({
    continued: true,
    status: 200,
    code: undefined,
    connection: 'keep-alive',
  });
});

test.each([
  ['no such bucket', '/nowhere/key', {}, 404, 'NoSuchBucket'],
  ['more than S3 takes', '/bucket/key', { 'content-length': String(6 * 1024 ** 3) }, 400, 'EntityTooLarge'],
  ['a storage class of nobody', '/bucket/key', { 'x-amz-storage-class': 'STD1' }, 400, 'InvalidStorageClass'],
  ['a digest that is none', '/bucket/key', { 'content-md5': 'short' }, 400, 'InvalidDigest'],
])('an upload that S3 refuses is never sent: %s', async (_, path, changes, status, code) => {
  const server = await startWithStore();
  const answer = await putPatiently(server, path, changes);
  expect(answer).toEqual({ continued: false, status, code, connection: 'close' });
});
