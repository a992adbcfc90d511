import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { jars } from '../../../scripts/setup/jars.mjs';
import { SetupProblem } from '../../../scripts/setup/problem.mjs';
import { locateRuntime } from '../../../src/runtime/runtime.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Ivy itself runs, on a repository in a folder. */
describe('jars', () => {
  let runtime: string;
  const content = { first: 'the first jar', second: 'the second jar' };
  const progress = { update: () => {}, end: () => {} };
  const held = { noteChild: () => {} };
  const jar = (name: string) => join(runtime, 'jars', `${name}-1.0.jar`);

  beforeEach(() => {
    runtime = mkdtempSync(join(tmpdir(), 'jars-'));
    for (const [name, text] of Object.entries(content)) publish(name, text);
    const settings = join(runtime, 'ivysettings.xml');
    writeFileSync(
      settings,
      `<ivysettings><settings defaultResolver="mirror"/><resolvers>
        <ibiblio name="mirror" m2compatible="true" root="file://${runtime}/repository"/></resolvers></ivysettings>`,
    );
    vi.stubEnv('PARTHENON_IVY_SETTINGS', settings);
    writeLock(content);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(runtime, { recursive: true });
  });

  /** As a Maven repository has it. */
  function publish(name: string, text: string) {
    const folder = join(runtime, 'repository', 'org', 'example', name, '1.0');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${name}-1.0.jar`), text);
    writeFileSync(
      join(folder, `${name}-1.0.pom`),
      `<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>${name}</artifactId><version>1.0</version></project>`,
    );
  }
  function writeLock(wanted: Record<string, string>) {
    const list = Object.entries(wanted).map(([name, text]) => {
      return { organization: 'org.example', name, version: '1.0', size: text.length, sha256: sha256(text) };
    });
    writeFileSync(join(runtime, 'lock.json'), JSON.stringify({ jars: list }));
  }
  function step() {
    const { java, sparkHome } = locateRuntime();
    return jars({ runtime, lock: join(runtime, 'lock.json'), java: () => java, sparkHome: () => sparkHome });
  }

  it('fetches what the lock lists and is done then', async () => {
    expect(step().isDone()).toBe(false);
    await step().run(progress, held);
    expect(readFileSync(jar('first'), 'utf8')).toBe(content.first);
    expect(readdirSync(join(runtime, 'jars')).sort()).toEqual(['first-1.0.jar', 'second-1.0.jar']);
    expect(step().isDone()).toBe(true);
    expect(existsSync(join(runtime, 'downloads'))).toBe(false);
  });

  it('sees a jar that was changed in place, and fetches it anew', async () => {
    await step().run(progress, held);
    writeFileSync(jar('first'), content.first.replace('first', 'worst'));
    expect(step().isDone()).toBe(false);
    await step().run(progress, held);
    expect(readFileSync(jar('first'), 'utf8')).toBe(content.first);
  });

  it('sees a jar that was cut short or taken away', async () => {
    await step().run(progress, held);
    writeFileSync(jar('first'), 'the');
    rmSync(jar('second'));
    expect(step().isDone()).toBe(false);
    await step().run(progress, held);
    expect(step().isDone()).toBe(true);
    expect(readFileSync(jar('second'), 'utf8')).toBe(content.second);
  });

  it('keeps a right jar that it has no record of, without fetching it', async () => {
    mkdirSync(join(runtime, 'jars'));
    for (const [name, text] of Object.entries(content)) writeFileSync(jar(name), text);
    rmSync(join(runtime, 'repository'), { recursive: true });
    await step().run(progress, held);
    expect(step().isDone()).toBe(true);
  });

  it('refuses a jar whose SHA-256 is not that of the lock, and has none of it in place', async () => {
    publish('second', `${content.second}!`);
    const run = step().run(progress, held);
    await expect(run).rejects.toThrow(SetupProblem);
    await expect(run).rejects.toThrow(`second-1.0.jar was refused: its SHA-256 is ${sha256(`${content.second}!`)}`);
    expect(existsSync(jar('second'))).toBe(false);
    expect(step().isDone()).toBe(false);
  });

  it('removes a jar that the lock no longer lists', async () => {
    await step().run(progress, held);
    writeLock({ first: content.first });
    await step().run(progress, held);
    expect(readdirSync(join(runtime, 'jars'))).toEqual(['first-1.0.jar']);
  });
});
