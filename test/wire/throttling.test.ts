import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AthenaClient, GetSessionCommand, TooManyRequestsException as Received } from '@aws-sdk/client-athena';
import { describe, expect, test } from 'vitest';
import { ThrottlingException, TooManyRequestsException } from '../../src/errors.ts';
import { runtimeFolder } from '../../src/runtime/runtime.ts';
import { callAthena, startServer } from './support.ts';
import { ADMINISTRATOR, REGION } from './signing.ts';

const PYTHON = join(runtimeFolder(), 'python', 'bin', 'python');
const SESSION = '11111111-1111-4111-8111-111111111111';

/** A server that refuses the first calls by this error, and answers those that follow. */
async function startRefusing(error: Error, times: number) {
  let calls = 0;
  const GetSession = async () => {
    calls += 1;
    if (calls <= times) throw error;
    return { SessionId: SESSION };
  };
  const { url } = await startServer({ operations: { GetSession } });
  return { url, calls: () => calls };
}

const clientOf = (endpoint: string) => new AthenaClient({ endpoint, region: REGION, credentials: ADMINISTRATOR });

async function byBotocore(endpoint: string, mode: string): Promise<{ attempts: number; error: string | null }> {
  const { accessKeyId, secretAccessKey } = ADMINISTRATOR;
  const script = join(import.meta.dirname, 'botocore_retries.py');
  const { stdout } = await promisify(execFile)(PYTHON, [script, endpoint, REGION, accessKeyId, secretAccessKey, mode]);
  return JSON.parse(stdout);
}

describe.each([
  ['too many of something', new TooManyRequestsException('Maximum allowed sessions (1) reached.')],
  ['a rate that is exceeded', new ThrottlingException('Rate exceeded')],
])('the refusal of %s', (_, error) => {
  test('is tried again by the SDK for JavaScript, which gives up after three attempts', async () => {
    const twice = await startRefusing(error, 2);
    const answer = await clientOf(twice.url).send(new GetSessionCommand({ SessionId: SESSION }));
    expect([answer.$metadata.attempts, twice.calls()]).toEqual([3, 3]);
    const always = await startRefusing(error, 10);
    const refused = clientOf(always.url).send(new GetSessionCommand({ SessionId: SESSION }));
    await expect(refused).rejects.toMatchObject({ name: error.name, message: error.message });
    expect(always.calls()).toBe(3);
  });

  test('is tried again by botocore', async () => {
    const { url } = await startRefusing(error, 2);
    expect(await byBotocore(url, 'standard')).toEqual({ attempts: 3, error: null });
  });
});

test('botocore in its legacy mode tries again what is throttled, and not what there is too many of', async () => {
  const throttled = await startRefusing(new ThrottlingException('Rate exceeded'), 2);
  expect(await byBotocore(throttled.url, 'legacy')).toEqual({ attempts: 3, error: null });
  const tooMany = await startRefusing(new TooManyRequestsException('Maximum allowed sessions (1) reached.'), 2);
  expect(await byBotocore(tooMany.url, 'legacy')).toEqual({ attempts: 1, error: 'TooManyRequestsException' });
});

test('the reason of TooManyRequestsException is one of the model', async () => {
  const { url } = await startRefusing(new TooManyRequestsException('Maximum allowed sessions (1) reached.'), 10);
  const error = await clientOf(url)
    .send(new GetSessionCommand({ SessionId: SESSION }))
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Received);
  expect(error).toMatchObject({ Reason: 'CONCURRENT_QUERY_LIMIT_EXCEEDED' });
});

test('a key that calls faster than it may is throttled, and strangers do not use up its rate', async () => {
  const { url } = await startServer({ limits: { requestsPerSecond: 2 } });
  const forged = { key: { ...ADMINISTRATOR, secretAccessKey: 'guessed' } };
  for (let call = 0; call < 20; call += 1) {
    expect((await callAthena(url, { options: forged })).body.__type).toBe('InvalidSignatureException');
  }
  const answers = await Promise.all(Array.from({ length: 12 }, () => callAthena(url)));
  const throttled = answers.filter(({ status }) => status !== 200);
  // Four at once, and what two a second make of the time that the calls take.
  expect(throttled.length).toBeGreaterThan(0);
  expect(answers.length - throttled.length).toBeGreaterThanOrEqual(4);
  for (const { status, body } of throttled) {
    expect([status, body.__type, body.message]).toEqual([400, 'ThrottlingException', 'Rate exceeded']);
  }
  const patient = new AthenaClient({ endpoint: url, region: REGION, credentials: ADMINISTRATOR, maxAttempts: 10 });
  const answer = await patient.send(new GetSessionCommand({ SessionId: SESSION }));
  expect(answer.$metadata.httpStatusCode).toBe(200);
});
