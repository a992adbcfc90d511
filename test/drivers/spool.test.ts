import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOutcome, removeOtherSpools, salvageSpool } from '../../src/drivers/spool.ts';

const OUTCOME = {
  status: 'error',
  ename: 'ValueError',
  evalue: 'bad',
  started_at: '2026-01-02T03:04:05.000006+00:00',
  ended_at: '2026-01-02T03:04:06+00:00',
};

let driverFolder: string;
let spool: string;

beforeEach(() => {
  driverFolder = mkdtempSync(join(tmpdir(), 'parthenon-spool-'));
  spool = join(driverFolder, 'spool');
  mkdirSync(spool);
});
afterEach(() => rmSync(driverFolder, { recursive: true }));

function close(outcome: unknown, folder = join(spool, 'one')): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'outcome.json'), typeof outcome === 'string' ? outcome : JSON.stringify(outcome));
}

describe('readOutcome', () => {
  test('tells how a calculation ended', async () => {
    close(OUTCOME);
    expect(await readOutcome(driverFolder, 'one')).toEqual({
      calculationId: 'one',
      status: 'error',
      errorName: 'ValueError',
      errorValue: 'bad',
      startedAt: new Date('2026-01-02T03:04:05Z'),
      endedAt: new Date('2026-01-02T03:04:06Z'),
      spoolFolder: join(spool, 'one'),
    });
  });

  test('gives text that every database and encoding can hold', async () => {
    close({ ...OUTCOME, evalue: 'a\ud800b' });
    expect((await readOutcome(driverFolder, 'one'))?.errorValue).toBe('a\ufffdb');
  });

  test.each(['', 'null', '[null]', '{"status":"ok"}', JSON.stringify({ ...OUTCOME, status: 'other' })])(
    'takes nothing on trust: %j is no outcome',
    async (forged) => {
      close(forged);
      expect(await readOutcome(driverFolder, 'one')).toBeUndefined();
    },
  );

  test('a pipe in place of outcome.json is not waited for', async () => {
    mkdirSync(join(spool, 'one'));
    execFileSync('mkfifo', [join(spool, 'one', 'outcome.json')]);
    expect(await readOutcome(driverFolder, 'one')).toBeUndefined();
  });

  test('links in place of the folder, and of the one above, lead nowhere', async () => {
    close(OUTCOME, join(driverFolder, 'elsewhere'));
    symlinkSync(join(driverFolder, 'elsewhere'), join(spool, 'one'));
    expect(await readOutcome(driverFolder, 'one')).toBeUndefined();
    close(OUTCOME, join(driverFolder, 'other', 'one'));
    rmSync(spool, { recursive: true });
    symlinkSync(join(driverFolder, 'other'), spool);
    expect(await readOutcome(driverFolder, 'one')).toBeUndefined();
  });
});

describe('salvageSpool', () => {
  test('closes what was put out, without results', async () => {
    mkdirSync(join(spool, 'one.open'));
    writeFileSync(join(spool, 'one.open', 'stdout'), 'half a li');
    writeFileSync(join(spool, 'one.open', 'result.json'), '{"version":1,"outputs":[\n{"output_');
    const folder = (await salvageSpool(driverFolder, 'one')) as string;
    expect(folder).toBe(join(spool, 'one'));
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    expect([read('stdout'), read('stderr'), JSON.parse(read('result.json'))]).toEqual([
      'half a li',
      '',
      { version: 1, outputs: [] },
    ]);
    expect(readdirSync(spool)).toEqual(['one']);
  });

  test('writes through no link, and keeps none', async () => {
    const victim = join(driverFolder, 'victim');
    writeFileSync(victim, 'untouched');
    mkdirSync(join(spool, 'one.open'));
    for (const name of ['result.json', 'stdout']) symlinkSync(victim, join(spool, 'one.open', name));
    const folder = (await salvageSpool(driverFolder, 'one')) as string;
    expect(readFileSync(victim, 'utf8')).toBe('untouched');
    expect(readFileSync(join(folder, 'stdout'), 'utf8')).toBe('');
  });

  test('goes where nobody goes on with it, open or closed, and follows no link', async () => {
    const victim = join(driverFolder, 'victim');
    mkdirSync(victim);
    writeFileSync(join(victim, 'file'), 'untouched');
    for (const name of ['kept', 'kept-too.open', 'left', 'left-too.open']) mkdirSync(join(spool, name));
    writeFileSync(join(spool, 'left', 'stdout'), 'x');
    symlinkSync(victim, join(spool, 'link'));
    await removeOtherSpools(driverFolder, ['kept', 'kept-too']);
    expect(readdirSync(spool).sort()).toEqual(['kept', 'kept-too.open']);
    expect(readFileSync(join(victim, 'file'), 'utf8')).toBe('untouched');
  });

  test('is content with nothing', async () => {
    expect(await salvageSpool(driverFolder, 'one')).toBeUndefined();
  });
});
