/** Live output from a real server and real Spark. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { follow, type LiveMessage, type LiveServer, listen } from '../../../src/cli/live.ts';
import { runtimeFolder } from '../../../src/runtime/runtime.ts';
import { residentKibibytes } from '../../support/processes.ts';
import { allow, newUser, type Person, workGroupArn } from '../../access/server/people.ts';
import {
  run,
  startCalculation,
  startIdleSession,
  waitForCalculation,
  workingFolder,
} from '../../support/calculations.ts';
import { cleanEnvironment, startTestServer, type TestServer, until } from '../../support/server.ts';

const execute = promisify(execFile);
const checkout = resolve(import.meta.dirname, '..', '..', '..');
let server: TestServer;
let session: string;

beforeAll(async () => {
  server = await startTestServer({ 'pool-size': '0' });
  session = await startIdleSession(server);
});
afterAll(async () => {
  await server.remove();
});

const liveServer = ({ athena }: Pick<Person, 'athena'> = server): LiveServer => ({
  endpoint: new URL(server.endpoint),
  config: athena.config,
});
const ofCalculation = (id: string, lastEventId?: string) =>
  listen(liveServer(), `/live/calculations/${id}`, lastEventId);
async function all(messages: AsyncIterable<LiveMessage>): Promise<LiveMessage[]> {
  const collected: LiveMessage[] = [];
  for await (const message of messages) collected.push(message);
  return collected;
}
const textOf = (messages: readonly LiveMessage[], event: string) =>
  messages
    .filter((message) => message.event === event)
    .map(({ data }) => data.Text)
    .join('');
const statesOf = (messages: readonly LiveMessage[]) =>
  messages.filter(({ event }) => event === 'state').map(({ data }) => data.Status?.State);

/** Code that goes on once the test has told it so. */
const waitFor = (name: string) => `
import os, time
while not os.path.exists(${JSON.stringify(name)}): time.sleep(0.02)
`;
const goOn = (name: string) => writeFileSync(join(workingFolder(server), name), '');

describe('live output of a calculation', () => {
  it('comes while the code runs, on the right streams, then the end', async () => {
    const code = `import sys; print("before"); print("aside", file=sys.stderr)${waitFor('one')}print("after")`;
    const id = await startCalculation(server, session, code);
    const messages: LiveMessage[] = [];
    let sofar: LiveMessage[] = [];
    for await (const message of ofCalculation(id)) {
      messages.push(message);
      // Only when both have come: the code is still running.
      if (sofar.length > 0 || textOf(messages, 'stdout') !== 'before\n' || textOf(messages, 'stderr') !== 'aside\n')
        continue;
      sofar = await all(listen(liveServer(), `/live/calculations/${id}?follow=false`));
      goOn('one');
    }
    expect(textOf(messages, 'stdout')).toBe('before\nafter\n');
    expect(sofar).toMatchObject([{ event: 'state' }, { event: 'stdout' }, { event: 'stderr' }]);
    expect(textOf(messages, 'stderr')).toBe('aside\n');
    expect(statesOf(messages).at(-1)).toBe('COMPLETED');
    expect(messages.at(-1)).toMatchObject({ event: 'end', data: { CalculationExecutionId: id } });
    const shown = messages.findLast(({ event }) => event === 'state')?.data;
    expect(shown?.Result?.StdOutS3Uri).toMatch(/^s3:.*stdout$/);
    expect(new Set(messages.map((message) => message.id)).size).toBeGreaterThan(3);
  });

  it('goes on after any event, without loss or repetition, inside characters of several bytes too', async () => {
    const code = `
import os, time
for number in range(12):
    for byte in "αβ✓😀\\n".encode():
        os.write(1, bytes([byte]))
        time.sleep(0.01)
${waitFor('two')}print("done")`;
    const id = await startCalculation(server, session, code);
    let lastEventId: string | undefined;
    let text = '';
    const states: unknown[] = [];
    let ended = false;
    while (!ended) {
      for await (const { event, id: place, data } of ofCalculation(id, lastEventId)) {
        lastEventId = place;
        text += data.Text ?? '';
        if (event === 'state') states.push(data.Status?.State);
        ended = event === 'end';
        if (text.split('\n').length === 13) goOn('two');
        if (event === 'stdout') break; // The client has gone.
      }
    }
    expect(text).toBe(`${'αβ✓😀\n'.repeat(12)}done\n`);
    expect(states.at(-1)).toBe('COMPLETED');
    expect(new Set(states).size).toBe(states.length);
    // After the end there is nothing, from before it only what is missing, now from S3.
    expect(await all(ofCalculation(id, lastEventId))).toEqual([]);
    const rest = await all(ofCalculation(id, '2.0.RUNNING'));
    expect(textOf(rest, 'stdout')).toBe(text.slice(1));
    expect(statesOf(rest)).toEqual(['COMPLETED']);
  });

  it('tells all of one that has ended from S3, bytes that are no text included', async () => {
    const { CalculationExecutionId: id = '', stderr } = await run(
      server,
      session,
      'import os; os.write(1, b"a\\xffb\\xe2\\x82"); raise ValueError("no")',
    );
    const messages = await all(ofCalculation(id));
    expect(textOf(messages, 'stdout')).toBe('a\ufffdb\ufffd');
    expect(textOf(messages, 'stderr')).toBe(stderr);
    expect(statesOf(messages)).toEqual(['FAILED']);
    expect(messages.at(-1)?.event).toBe('end');
  });

  it('keeps little of 100 MB for a listener who does not take it, and loses nothing', async () => {
    const id = await startCalculation(
      server,
      session,
      `${waitFor('three')}
line = "x" * 1023 + "\\n"
for _ in range(100): sys.stdout.write(line * 1024)
sys.stdout.flush()${waitFor('four')}`.replace('import os', 'import sys, os'),
    );
    const stalled = listen(liveServer(), `/live/calculations/${id}`);
    await stalled.next(); // It listens, and then takes nothing.
    const quick = ofCalculation(id);
    const before = residentKibibytes(server.process.pid as number);
    goOn('three');
    let bytes = 0;
    for await (const { event, data } of quick) {
      if (event === 'stdout') bytes += data.Text?.length ?? 0;
      if (bytes === 100 * 1024 * 1024) break;
    }
    const grown = residentKibibytes(server.process.pid as number) - before;
    expect(grown).toBeLessThan(100 * 1024);
    goOn('four');
    await waitForCalculation(server, id);
    // The folder that it was read from has gone by now.
    for await (const { event, data } of stalled) if (event === 'stdout') bytes -= data.Text?.length ?? 0;
    expect(bytes).toBe(0);
  });

  it('tells progress of Spark jobs', async () => {
    const id = await startCalculation(
      server,
      session,
      'import time; sc.parallelize(range(8), 8).foreach(lambda _: time.sleep(1))',
    );
    const messages = await all(ofCalculation(id));
    const shown = messages.filter(({ event }) => event === 'progress').map(({ data }) => data.Progress);
    expect(shown.length).toBeGreaterThan(1);
    expect(shown.every((progress) => /^\d+%$/.test(progress ?? ''))).toBe(true);
  });

  it('is for those who may see the calculation and read its output', async () => {
    const { CalculationExecutionId: id = '' } = await run(server, session, 'print("ours")');
    const workGroup = workGroupArn('primary');
    const reader = await newUser(server, 'reader', [
      allow(['athena:GetCalculationExecution', 'athena:GetSession'], workGroup),
      allow('s3:GetObject'),
    ]);
    const watcher = await newUser(server, 'watcher', [allow('athena:*')]);
    const stranger = await newUser(server, 'stranger', [allow('s3:*')]);
    const asked = async (person: Person, path: string) => await all(listen(liveServer(person), path));
    expect(textOf(await asked(reader, `/live/calculations/${id}`), 'stdout')).toBe('ours\n');
    for (const person of [watcher, stranger])
      for (const path of [`/live/calculations/${id}`, `/live/sessions/${session}`])
        await expect(asked(person, path)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  it('has room for 64 listeners of one caller, and again once they have gone', async () => {
    const id = await startCalculation(server, session, waitFor('six'));
    const descriptors = () => readdirSync(`/proc/${server.process.pid}/fd`).length;
    const first = ofCalculation(id);
    await first.next();
    await first.return(undefined);
    const before = descriptors();
    for (let round = 0; round < 2; round += 1) {
      const listeners = await Promise.all(
        Array.from({ length: 64 }, async () => {
          const listener = ofCalculation(id);
          await listener.next();
          return listener;
        }),
      );
      await expect(ofCalculation(id).next()).rejects.toMatchObject({ name: 'TooManyRequestsException' });
      expect(descriptors()).toBeGreaterThan(before + 64);
      for (const listener of listeners) await listener.return(undefined);
      await until(() => descriptors() <= before, 10_000);
    }
    goOn('six');
    await waitForCalculation(server, id);
  });

  it('tells the last words of one whose driver dies, to who listens and to who comes then', async () => {
    const doomed = await startIdleSession(server);
    const code = 'import os, time; print("last words"); time.sleep(1); os.kill(os.getpid(), 9)';
    const id = await startCalculation(server, doomed, code);
    const listened = await all(ofCalculation(id));
    for (const each of [
      listened,
      await all(ofCalculation(id)),
      await all(listen(liveServer(), `/live/sessions/${doomed}`)),
    ]) {
      expect(textOf(each, 'stdout')).toBe('last words\n');
      expect(statesOf(each)).toContain('FAILED');
      expect(each.at(-1)?.event).toBe('end');
    }
  });

  it('is had by a presigned URL too', async () => {
    const { CalculationExecutionId: id = '' } = await run(server, session, 'print("signed")');
    const { credentials, region, sha256 } = server.athena.config;
    const signer = new SignatureV4({ credentials, region, sha256, service: 'athena', uriEscapePath: true });
    const { protocol, hostname, host } = new URL(server.endpoint);
    const path = `/live/calculations/${id}`;
    const { query = {} } = await signer.presign({ method: 'GET', protocol, hostname, path, headers: { host } });
    const reply = await fetch(`${server.endpoint}${path}?${new URLSearchParams(query as Record<string, string>)}`);
    expect(reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await reply.text()).toContain('"Text":"signed\\n"');
  });

  it('is had as its page says, by curl and by Python', async () => {
    const page = readFileSync(join(checkout, 'docs', 'live-output.md'), 'utf8');
    const sample = (language: string) => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page)?.[1] ?? '';
    const { CalculationExecutionId: CALCULATION = '' } = await run(server, session, 'print("for everyone ✓")');
    const bin = join(runtimeFolder(), 'clients', 'bin');
    const env = { ...cleanEnvironment(), ...server.environment, CALCULATION };
    const curl = await execute('bash', ['-euc', sample('sh')], { env });
    expect(curl.stdout).toContain('"Text":"for everyone ✓\\n"');
    const python = await execute(join(bin, 'python'), ['-c', sample('python'), CALCULATION], { env });
    expect(python).toMatchObject({ stdout: 'for everyone ✓\n', stderr: 'COMPLETED\n' });
  });

  it('refuses what is not signed, not there, or no place in the stream', async () => {
    const refused = async (path: string, lastEventId?: string) =>
      await all(listen(liveServer(), path, lastEventId)).catch((error) => error);
    const unknown = '11111111-2222-4333-8444-555555555555';
    expect(await refused(`/live/calculations/${unknown}`)).toMatchObject({ name: 'ResourceNotFoundException' });
    expect(await refused(`/live/sessions/${unknown}`)).toMatchObject({ name: 'ResourceNotFoundException' });
    expect(await refused('/live/everything')).toMatchObject({ name: 'UnknownOperationException' });
    expect(await refused(`/live/sessions/${session}`, 'anything')).toMatchObject({ name: 'InvalidRequestException' });
    expect((await fetch(`${server.endpoint}/live/sessions/${session}`)).status).toBe(403);
  });
});

describe('live output of a session', () => {
  it('tells of all its calculations and states, over a server that is killed and one that is stopped, until it ends', async () => {
    await run(server, session, 'print("earlier")');
    const waiting = await startCalculation(server, session, `print("first")${waitFor('five')}print("second")`);
    const messages: LiveMessage[] = [];
    const losses: unknown[] = [];
    const again = async () => {
      server = await startTestServer({ port: new URL(server.endpoint).port }, server.home);
    };
    const onLost = (error?: unknown) => losses.push(error);
    for await (const message of follow(liveServer(), `/live/sessions/${session}`, { onLost })) {
      messages.push(message);
      if (message.data.CalculationExecutionId !== waiting) continue;
      if (message.data.Text === 'first\n') {
        await server.stop('SIGKILL');
        await again();
        goOn('five');
      }
      if (message.data.Status?.State === 'COMPLETED') void server.stop().then(again);
    }
    const ours = messages.filter(({ data }) => data.CalculationExecutionId === waiting);
    expect(textOf(ours, 'stdout')).toBe('first\nsecond\n');
    expect(statesOf(ours)).toEqual(['RUNNING', 'COMPLETED']);
    // The killed one's stream broke off, the other's was ended in order.
    expect(losses[0]).toBeInstanceOf(Error);
    expect(losses).toContain(undefined);
    const ofSession = messages.filter(({ data }) => data.CalculationExecutionId === undefined);
    expect(statesOf(ofSession).at(-1)).toBe('TERMINATED');
    expect(messages.at(-1)).toMatchObject({ event: 'end', data: { SessionId: session } });
    expect(textOf(messages, 'stdout')).toMatch(/earlier\nfirst\nsecond\n$/);
  });
});
