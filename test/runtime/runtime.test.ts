import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { locateRuntime, RuntimeMissing, runtimeFolder } from '../../src/runtime/runtime.ts';

describe('locateRuntime', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'runtime-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const record = () => ({
    python: join(folder, 'python'),
    java: join(folder, 'java'),
    sparkHome: join(folder, 'spark'),
    jars: join(folder, 'jars'),
    ownJars: join(folder, 'own-jars'),
  });
  const write = (content: unknown) =>
    writeFileSync(
      join(folder, 'runtime.json'),
      typeof content === 'string' ? content : JSON.stringify(content, null, 2),
    );
  const makeParts = () => {
    for (const path of Object.values(record())) mkdirSync(path);
  };

  it('gives the paths that set-up recorded, and says where there is no class-data archive', () => {
    makeParts();
    write(record());
    expect(locateRuntime(folder)).toEqual({ ...record(), classData: null });
  });

  it('names the command when set-up has never been run', () => {
    expect(() => locateRuntime(folder)).toThrow(RuntimeMissing);
    expect(() => locateRuntime(folder)).toThrow('runtime.json is not there). Run: npm run setup');
  });

  it('refuses a record that was cut short', () => {
    write('{"python": "/usr');
    expect(() => locateRuntime(folder)).toThrow('is not JSON');
  });

  it.each(['python', 'java', 'sparkHome', 'jars'] as const)('refuses a record without %s', (part) => {
    makeParts();
    write({ ...record(), [part]: undefined });
    expect(() => locateRuntime(folder)).toThrow(`does not name ${part}`);
  });

  it.each(['python', 'java', 'sparkHome', 'jars'] as const)('says so when the recorded %s has gone', (part) => {
    makeParts();
    write(record());
    rmSync(record()[part], { recursive: true });
    expect(() => locateRuntime(folder)).toThrow(`${record()[part]} is not there`);
  });
});

describe('runtimeFolder', () => {
  it('lies in the checkout unless PARTHENON_RUNTIME names another', () => {
    expect(runtimeFolder({}).endsWith('/runtime')).toBe(true);
    expect(isAbsolute(runtimeFolder({ PARTHENON_RUNTIME: 'elsewhere' }))).toBe(true);
    expect(runtimeFolder({ PARTHENON_RUNTIME: '/srv/runtime' })).toBe('/srv/runtime');
  });
});
