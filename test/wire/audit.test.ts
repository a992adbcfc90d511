import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { AccessDeniedException } from '../../src/errors.ts';
import { fileAudit } from '../../src/wire/audit.ts';
import { until } from '../support/server.ts';
import { ADMINISTRATOR, sign } from './signing.ts';
import { callAthena, type RunningServer, startServer } from './support.ts';

const logger = pino({ level: 'silent' });

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parthenon-audit-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').filter(Boolean);

async function startAudited(operations = {}): Promise<RunningServer & { lines: Record<string, unknown>[] }> {
  const lines: Record<string, unknown>[] = [];
  const audit = { write: (line: string) => lines.push(JSON.parse(line)), close: () => undefined };
  return { ...(await startServer({ audit, operations })), lines };
}

test('each API call leaves a line: who, what, on what, from where, how it ended', async () => {
  const { url, lines } = await startAudited({
    GetSession: async (_: object, call: { noteResource?: (arn: string) => void }) => {
      call.noteResource?.('arn:aws:athena:eu-central-1:123456789012:workgroup/a/session/s-1');
      return {};
    },
    StartSession: async () => {
      throw new AccessDeniedException('no');
    },
  });
  const { headers } = await callAthena(url, { body: '{"SessionId":"s-1"}' });
  await callAthena(url, { target: 'AmazonAthena.StartSession', body: '{"WorkGroup":"a","EngineConfiguration":{}}' });
  await fetch(`${url}/health/live`);
  await until(() => lines.length === 2, 10_000);
  expect(lines).toEqual([
    {
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      requestId: headers.get('x-amzn-requestid'),
      principal: ADMINISTRATOR.principal.arn,
      accessKeyId: ADMINISTRATOR.accessKeyId,
      sourceAddress: '127.0.0.1',
      service: 'athena',
      operation: 'GetSession',
      resource: 'arn:aws:athena:eu-central-1:123456789012:workgroup/a/session/s-1',
      outcome: 'ok',
      status: 200,
      milliseconds: expect.any(Number),
    },
    expect.objectContaining({ operation: 'StartSession', outcome: 'AccessDeniedException', status: 400 }),
  ]);
});

test('a call whose signature does not hold is told without a principal', async () => {
  const { url, lines } = await startAudited();
  const wrong = { ...ADMINISTRATOR, secretAccessKey: 'wrong' };
  await callAthena(url, { options: { key: wrong } });
  await fetch(url, { method: 'POST' });
  await until(() => lines.length === 2, 10_000);
  expect(lines[0]).toMatchObject({
    principal: null,
    accessKeyId: ADMINISTRATOR.accessKeyId,
    outcome: 'InvalidSignatureException',
  });
  expect(lines[1]).toMatchObject({
    principal: null,
    accessKeyId: null,
    outcome: 'UnknownOperationException',
    status: 404,
  });
});

test('no line holds code, secrets or signatures, and none can be forged by what a caller writes', async () => {
  const { url, lines } = await startAudited({ StartCalculationExecution: async () => ({}) });
  const body = JSON.stringify({ SessionId: 's-1', CodeBlock: 'print("a secret of mine")' });
  await callAthena(url, { target: 'AmazonAthena.StartCalculationExecution', body });
  const key = { ...ADMINISTRATOR, accessKeyId: `AKID"}\\n{"outcome":"ok"${'x'.repeat(500)}` };
  const signed = await sign(
    { method: 'POST', path: '/', headers: { host: new URL(url).host } },
    { key, date: new Date() },
  );
  const { host: _, ...headers } = signed.headers as Record<string, string>;
  await fetch(url, { method: 'POST', headers });
  await until(() => lines.length === 2, 10_000);
  expect(lines[0]).toMatchObject({ operation: 'StartCalculationExecution', outcome: 'ok' });
  expect(JSON.stringify(lines)).not.toMatch(/secret of mine|Signature=/);
  expect(String(lines[1]?.accessKeyId)).toHaveLength(128);
  expect(lines[1]).toMatchObject({ principal: null, outcome: 'UnknownOperationException' });
});

test('a file that was moved away is followed by a new one', async () => {
  const path = join(newFolder(), 'audit.log');
  const audit = fileAudit(path, logger);
  audit.write('one');
  await until(() => linesOf(path).length === 1, 10_000);
  renameSync(path, `${path}.1`);
  audit.write('two');
  audit.write('three');
  audit.close();
  expect(linesOf(`${path}.1`)).toEqual(['one']);
  expect(linesOf(path)).toEqual(['two', 'three']);
});

test('what cannot be written is logged once and stops nobody, and it goes on when it can', async () => {
  const folder = newFolder();
  const path = join(folder, 'logs', 'audit.log');
  mkdirSync(join(folder, 'logs'));
  const log: string[] = [];
  const audit = fileAudit(path, pino({}, { write: (line: string) => void log.push(line) }));
  rmSync(join(folder, 'logs'), { recursive: true });
  for (const line of ['lost', 'lost too']) {
    audit.write(line);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }
  expect(log.filter((line) => line.includes('The audit cannot be written'))).toHaveLength(1);
  mkdirSync(join(folder, 'logs'));
  audit.write('kept');
  audit.close();
  expect(linesOf(path)).toEqual(['kept']);
  expect(log.at(-1)).toContain('The audit is written again');
});

test('a file that cannot be opened is told at once', () => {
  expect(() => fileAudit(join(newFolder(), 'nowhere', 'audit.log'), logger)).toThrow('ENOENT');
});
