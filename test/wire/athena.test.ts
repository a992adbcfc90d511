import { AthenaClient, GetSessionCommand, GetSessionStatusCommand, ListSessionsCommand } from '@aws-sdk/client-athena';
import { expect, onTestFinished, test } from 'vitest';
import type { CallContext } from '../../src/operations/operation.ts';
import { ADMINISTRATOR, NOW, REGION, TEMPORARY } from './signing.ts';
import { callAthena, startServer } from './support.ts';

/** When the temporary key is no longer valid. */
const LATER = new Date(NOW.getTime() + 7_200_000);

function clientOf(endpoint: string, secretAccessKey = ADMINISTRATOR.secretAccessKey): AthenaClient {
  const { accessKeyId } = ADMINISTRATOR;
  const client = new AthenaClient({
    endpoint,
    region: REGION,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
  onTestFinished(() => client.destroy());
  return client;
}

test("AWS's own client calls an operation and reads its output", async () => {
  const calls: [object, CallContext][] = [];
  const GetSession = async (input: object, call: CallContext) => {
    calls.push([input, call]);
    return {
      SessionId: 's-1',
      Status: { State: 'IDLE', StartDateTime: new Date(1_700_000_000_123) },
      NotInTheShape: 1,
    };
  };
  const { url } = await startServer({ operations: { GetSession } });
  const output = await clientOf(url).send(new GetSessionCommand({ SessionId: 's-1' }));
  expect(output).toMatchObject({
    SessionId: 's-1',
    Status: { State: 'IDLE', StartDateTime: new Date(1_700_000_000_123) },
  });
  expect(output).not.toHaveProperty('NotInTheShape');
  expect(calls).toEqual([
    [
      { SessionId: 's-1' },
      {
        principal: ADMINISTRATOR.principal,
        requestId: output.$metadata.requestId,
        source: { address: '127.0.0.1', secure: false },
      },
    ],
  ]);
});

test('the client gets the classes of its errors', async () => {
  const { url } = await startServer();
  const tooLong = clientOf(url).send(new GetSessionCommand({ SessionId: '' }));
  await expect(tooLong).rejects.toMatchObject({
    name: 'InvalidRequestException',
    AthenaErrorCode: 'INVALID_INPUT',
    message: expect.stringMatching(/^1 validation error detected: Value '' at 'sessionId' failed to satisfy/),
    $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  });
  const wrongKey = clientOf(url, 'wrong').send(new GetSessionCommand({ SessionId: 's-1' }));
  await expect(wrongKey).rejects.toMatchObject({
    name: 'InvalidSignatureException',
    $metadata: { httpStatusCode: 400 },
  });
});

test('an operation that is not built says so and where the list is', async () => {
  const { url } = await startServer();
  await expect(clientOf(url).send(new GetSessionStatusCommand({ SessionId: 's-1' }))).rejects.toMatchObject({
    name: 'NotImplementedException',
    message: 'This server does not have GetSessionStatus yet. docs/coverage.md lists the operations that it has.',
    $metadata: { httpStatusCode: 501 },
  });
});

test('what nobody expected is logged with the request id, and none of it leaves', async () => {
  const { url, log } = await startServer();
  const error = await clientOf(url)
    .send(new ListSessionsCommand({ WorkGroup: 'primary' }))
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'InternalServerException', message: 'An internal error occurred.' });
  expect(JSON.stringify(error)).not.toMatch(/secret of the inside|TypeError/);
  const { requestId } = (error as { $metadata: { requestId: string } }).$metadata;
  expect(log.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ requestId, err: expect.objectContaining({ message: 'a secret of the inside' }) }),
  );
});

test('an error carries its code and message in every place where SDKs look', async () => {
  const { url } = await startServer();
  const { status, headers, body } = await callAthena(url, { body: '{"SessionId":""}' });
  expect(status).toBe(400);
  expect(headers.get('content-type')).toBe('application/x-amz-json-1.1');
  expect(headers.get('x-amzn-errortype')).toBe('InvalidRequestException');
  expect(headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
  expect(body).toMatchObject({ __type: 'InvalidRequestException', AthenaErrorCode: 'INVALID_INPUT' });
  expect(body.Message).toBe(body.message);
});

test.each([
  ['another service', 'DynamoDB_20120810.ListTables'],
  ['no such operation', 'AmazonAthena.StartSessions'],
  ["a name that JavaScript's objects have", 'AmazonAthena.constructor'],
  ['no service', 'GetSession'],
  ['another spelling', 'amazonathena.GetSession'],
  ['nothing', ''],
])('a target that names %s', async (_, target) => {
  const { url } = await startServer();
  const { status, body } = await callAthena(url, { target });
  expect([status, body.__type]).toEqual([400, 'UnknownOperationException']);
});

test.each(['application/json', 'application/x-amz-json-1.0', 'text/xml', ''])(
  'Content-Type: %s',
  async (contentType) => {
    const { url } = await startServer();
    const { status, body } = await callAthena(url, { contentType });
    expect([status, body.__type]).toEqual([404, 'UnknownOperationException']);
  },
);

test('a charset beside the content type is no harm', async () => {
  const { url } = await startServer();
  expect((await callAthena(url, { contentType: 'Application/X-Amz-Json-1.1; charset=utf-8' })).status).toBe(200);
});

test.each([
  '{',
  '{"SessionId":',
  "{'SessionId':'a'}",
  '{"SessionId":"a"} x',
  'nothing',
  '\u0000',
  '[]',
  '7',
  'null',
  '"a"',
])('a body that is no JSON object: %s', async (body) => {
  const { url } = await startServer();
  const answer = await callAthena(url, { body });
  expect([answer.status, answer.body.__type]).toEqual([400, 'SerializationException']);
});

test('an empty body is an empty input', async () => {
  const { url } = await startServer();
  const { body } = await callAthena(url, { body: '' });
  expect(body.message).toBe(
    "1 validation error detected: Value null at 'sessionId' failed to satisfy constraint: Member must not be null",
  );
});

test('who is not known here learns nothing of types and constraints', async () => {
  const { url } = await startServer();
  const options = { key: { ...ADMINISTRATOR, accessKeyId: 'AKIDNOBODY' } };
  for (const body of ['{', '{"SessionId":7}', '{}']) {
    expect((await callAthena(url, { body, options })).body.__type).toBe('UnrecognizedClientException');
  }
});

test.each([
  ['an unknown key', { key: { ...ADMINISTRATOR, accessKeyId: 'AKIDNOBODY' } }, 'UnrecognizedClientException'],
  ['a wrong secret', { key: { ...ADMINISTRATOR, secretAccessKey: 'wrong' } }, 'InvalidSignatureException'],
  ['an expired session', { key: TEMPORARY, date: LATER }, 'ExpiredTokenException'],
  ['an old signature', { date: new Date(LATER.getTime() - 3_600_000) }, 'InvalidSignatureException'],
])('the JSON protocol answers %s by 400', async (_, options, code) => {
  const { url } = await startServer({ now: () => LATER });
  const { status, body } = await callAthena(url, { options: { date: LATER, ...options } });
  expect([status, body.__type]).toEqual([400, code]);
});

test('a signature for another region', async () => {
  const { url } = await startServer();
  const { body } = await callAthena(url, { options: { region: 'us-west-2' } });
  expect(body.message).toBe('Credential should be scoped to a valid region.');
});
