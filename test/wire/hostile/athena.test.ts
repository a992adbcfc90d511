import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetSessionCommand, StartSessionCommand } from '@aws-sdk/client-athena';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtOperations } from '../../../src/operations/index.ts';
import { newHome } from '../../support/server.ts';
import { FUZZ, hostileText, INJECTIONS, Victim } from './hostile.ts';

let victim: Victim;
const home = newHome();
const audit = join(home, 'audit.log');

beforeAll(async () => {
  victim = await Victim.start({ audit, 'log-level': 'trace', 'max-sessions': '10000', 'request-rate': '0' }, home);
});
afterAll(async () => {
  await victim?.server.remove();
});
afterAll(async () => {
  await victim.checkUnharmed();
  const lines = readFileSync(audit, 'utf8').split('\n').slice(0, -1);
  expect(lines.length).toBeGreaterThan(500);
  for (const line of lines) {
    expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(JSON.parse(line)).toMatchObject({ service: expect.any(String), status: expect.any(Number) });
  }
});

/** StartSession starts Spark when it succeeds: here only with a property that is refused. */
const OPERATIONS = builtOperations.filter((name) => name !== 'StartSession');
const UUID = '11111111-1111-4111-8111-111111111111';

test.each<[string, string | Buffer]>([
  ['lists in lists', '['.repeat(200_000)],
  ['lists in lists, closed', `{"SessionId":${'['.repeat(9000)}${']'.repeat(9000)}}`],
  ['structures in structures', `${'{"EngineConfiguration":'.repeat(9000)}{}${'}'.repeat(9000)}`],
  ['a number beyond numbers', '{"WorkGroup":"primary","MaxResults":1e999}'],
  ['a number of a million digits', `{"WorkGroup":"primary","MaxResults":${'9'.repeat(1_000_000)}}`],
  ['a name twice', '{"SessionId":"a","SessionId":"b"}'],
  [
    'names of JavaScript’s own',
    '{"__proto__":{"SessionId":"x"},"constructor":{"prototype":{"polluted":1}},"toString":1}',
  ],
  ['half of a surrogate pair', '{"SessionId":"\\ud800","WorkGroup":"\\udfff"}'],
  ['a NUL', '{"SessionId":"\\u0000","WorkGroup":"\\u0000"}'],
  ['a NUL that is not escaped', '{"SessionId":"\0"}'],
  ['a mark of the byte order', '\ufeff{}'],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ['UTF-16', Buffer.from('{"SessionId":"a"}', 'utf16le')],
  ['no structure', '"SessionId"'],
  ['null', 'null'],
  ['a list', '[]'],
  ['two documents', '{}{}'],
  ['ten million blanks', ' '.repeat(10_000_000)],
  ['a string of ten megabytes', `{"WorkGroup":"${'a'.repeat(10_000_000)}"}`],
  [
    'a hundred names that are too long',
    JSON.stringify({
      WorkGroup: 'primary',
      Tags: Array.from({ length: 100 }, () => ({ Key: 'k'.repeat(100_000), Value: '' })),
    }),
  ],
  ['a hundred thousand members', `{${Array.from({ length: 100_000 }, (_, index) => `"m${index}":0`).join()}}`],
])('a body of %s is refused, or taken for what it is, by every operation', { timeout: 60_000 }, async (_, body) => {
  // What is large is read by the same code for all.
  const operations = body.length > 1_000_000 ? ['GetSession', 'ListSessions', 'TagResource'] : OPERATIONS;
  for (const operation of operations) {
    const reply = await victim.athena(operation, body);
    expect([200, 400, 413], reply.body).toContain(reply.status);
    expect(reply.body.length).toBeLessThan(1_000_000);
  }
  expect((await victim.athena('ListWorkGroups', '{}')).status).toBe(200);
});

/** Any JSON, with the names that the model has more often than others, and hostile text in it. */
const names = fc.oneof(
  fc.constantFrom(
    'WorkGroup',
    'Name',
    'SessionId',
    'CalculationExecutionId',
    'Description',
    'Configuration',
    'MaxResults',
    'NextToken',
    'ResourceARN',
    'Tags',
    'Key',
    'Value',
    'TagKeys',
    'CodeBlock',
    'ClientRequestToken',
    'StateFilter',
    'EngineVersion',
    'SelectedEngineVersion',
    'ResultConfiguration',
    'OutputLocation',
    'ConfigurationUpdates',
    'State',
    '__proto__',
    'constructor',
  ),
  hostileText,
);
const scalars = fc.oneof(
  hostileText,
  fc.constantFrom('primary', UUID, 's3://bucket/', 'arn:aws:athena:us-east-1:123456789012:workgroup/primary'),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalars,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(names, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

test('whatever is called with whatever, the server answers by an error of its catalogue or does it', {
  timeout: 120_000,
}, async () => {
  const inputs = fc.dictionary(names, anything, { maxKeys: 6 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...OPERATIONS), inputs, async (operation, input) => {
      const reply = await victim.athena(operation, JSON.stringify(input));
      expect([200, 400], reply.body).toContain(reply.status);
      const body = JSON.parse(reply.body);
      if (reply.status === 400) {
        expect(body.__type).toMatch(/^[A-Z]\w+Exception$/);
        expect(reply.head).toContain(`x-amzn-ErrorType: ${body.__type}`);
        expect(reply.body.length).toBeLessThan(200_000);
      }
    }),
    FUZZ,
  );
});

test('whatever a session is told, it is told back, and nothing else', { timeout: 120_000 }, async () => {
  const properties = fc.dictionary(
    fc.oneof(
      hostileText,
      hostileText.map((name) => `spark.${name}`),
    ),
    hostileText,
    { maxKeys: 8, noNullPrototype: true },
  );
  await fc.assert(
    fc.asyncProperty(properties, hostileText, async (asked, text) => {
      // Its session fails before there is a driver.
      const SparkProperties = { ...asked, 'spark.master': 'refused' };
      const Description = text.slice(0, 1000).toWellFormed();
      const reply = await victim.athena(
        'StartSession',
        JSON.stringify({ WorkGroup: 'primary', Description, EngineConfiguration: { SparkProperties } }),
      );
      expect([200, 400], reply.body).toContain(reply.status);
      if (reply.status !== 200) return;
      const { SessionId } = JSON.parse(reply.body);
      const described = await victim.server.athena.send(new GetSessionCommand({ SessionId }));
      expect(described.Description ?? '').toBe(Description);
      const back = described.EngineConfiguration?.SparkProperties ?? {};
      expect(Object.keys(back).sort()).toEqual(
        Object.keys(SparkProperties)
          .map((name) => name.toWellFormed())
          .sort(),
      );
    }),
    { ...FUZZ, numRuns: Math.ceil((FUZZ.numRuns ?? 1) / 2) },
  );
});

test('names of JavaScript’s own are names of properties like others', async () => {
  const body =
    '{"WorkGroup":"primary","EngineConfiguration":{"SparkProperties":{"spark.master":"refused","__proto__":"a","constructor":"b","toString":"c"}}}';
  const reply = await victim.athena('StartSession', body);
  expect(reply.status).toBe(200);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  const { SessionId } = JSON.parse(reply.body);
  const { EngineConfiguration } = await victim.server.athena.send(new GetSessionCommand({ SessionId }));
  expect(EngineConfiguration?.SparkProperties).toMatchObject({ constructor: 'b', toString: 'c' });
});

test('whatever a signature looks like, it is refused, and as what it is', { timeout: 120_000 }, async () => {
  const part = fc.oneof(
    hostileText.map((text) => text.replace(/[\r\n\0]/g, '')),
    fc.constantFrom(
      'AKIDEXAMPLE/20260101/us-east-1/athena/aws4_request',
      '////',
      'host;x-amz-date',
      '0'.repeat(64),
      '',
    ),
  );
  const authorization = fc.oneof(
    fc
      .tuple(part, part, part)
      .map(
        ([credential, headers, signature]) =>
          `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${headers}, Signature=${signature}`,
      ),
    fc
      .tuple(fc.constantFrom('Basic ', 'Bearer ', 'AWS ', 'AWS4-ECDSA-P256-SHA256 ', ''), part)
      .map((parts) => parts.join('')),
  );
  const date = fc.oneof(
    part,
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.constantFrom('99999999T999999Z', '20260229T000000Z', 'Mon, 01 Jan 99999 00:00:00 GMT'),
  );
  const request = fc.record({
    authorization,
    date,
    token: part,
    target: fc.constantFrom(
      '/',
      '/?X-Amz-Credential=a',
      '/bucket/key',
      '/bucket?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/b/c/athena/d&X-Amz-Date=x&X-Amz-SignedHeaders=host&X-Amz-Signature=0&X-Amz-Expires=9',
    ),
  });
  await fc.assert(
    fc.asyncProperty(
      request,
      fc.constantFrom('GET', 'POST', 'PUT'),
      async ({ authorization, date, token, target }, method) => {
        const head = `${method} ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AmazonAthena.ListWorkGroups\r\n`;
        const fields = `Authorization: ${authorization}\r\nX-Amz-Date: ${date}\r\nX-Amz-Security-Token: ${token}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`;
        const [reply] = victim.replies(await victim.send(Buffer.from(head + fields, 'utf8')));
        expect(reply?.status).toBeGreaterThanOrEqual(400);
        expect(reply?.status).toBeLessThan(500);
      },
    ),
    FUZZ,
  );
});

test.each(INJECTIONS.filter((text) => text.length < 1000))(
  'text that is meant for a log or a terminal stays text: %j',
  async (text) => {
    const shown = JSON.stringify(text);
    for (const body of [`{"WorkGroup":${shown}}`, `{"SessionId":${shown}}`, `{${shown}:1}`]) {
      for (const operation of ['GetWorkGroup', 'GetSession', 'StartSession']) {
        const reply = await victim.athena(operation, body);
        expect(reply.status).toBe(400);
        expect(reply.head).not.toContain('X-Injected');
      }
    }
    const header = text.replace(/[\r\n\0]/g, '');
    const bytes = `GET /${encodeURIComponent(header.toWellFormed())} HTTP/1.1\r\nHost: x\r\nUser-Agent: ${header}\r\nX-Amz-Target: ${header}\r\nTraceparent: ${header}\r\nX-Amzn-Trace-Id: ${header}\r\nConnection: close\r\n\r\n`;
    const [reply] = victim.replies(await victim.send(Buffer.from(bytes, 'utf8')));
    expect(reply?.status).toBeGreaterThanOrEqual(400);
    const refused = victim.server.athena.send(
      new StartSessionCommand({ WorkGroup: text.toWellFormed(), EngineConfiguration: {} }),
    );
    await expect(refused).rejects.toMatchObject({ name: 'InvalidRequestException' });
  },
);
