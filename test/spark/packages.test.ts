import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Driver } from '../../src/drivers/driver.ts';
import { type DriversFixture, makeAssignment, makeDrivers, noSandbox, run } from '../drivers/driver-fixture.ts';
import { type FileServer, serveFiles } from '../support/file-server.ts';
import { buildTestJars, writeZip, whichOf } from '../support/jars.ts';
import { ivySettings, publish } from '../support/maven-repository.ts';

/** Which of the packages' classes a session finds. */
const WHICH = whichOf('example.Greet', 'example.Words', 'example.countdown.AsRow');

let folder: string;
let repository: string;
let web: FileServer;
let drivers: DriversFixture;
/** Those of a server without a sandbox, whose sessions have one cache. */
let unkept: DriversFixture;
/** What an operator sets for all sessions: the one repository that there is. */
let operators: Readonly<Record<string, string>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parthenon-packages-'));
  drivers = makeDrivers({ readable: [folder] });
  unkept = makeDrivers({ sandbox: undefined, ivyCache: join(folder, 'ivy') });
  const jars = buildTestJars(folder);
  const python = join(folder, 'python.jar');
  writeZip(python, { 'from_package.py': 'def answer():\n    return 42\n' });
  repository = join(folder, 'served');
  publish(
    repository,
    { name: 'greet', jar: jars.udfs, needs: ['words', 'countdown'] },
    { name: 'words', jar: jars.words },
    { name: 'countdown', jar: jars.countdown },
  );
  publish(join(folder, 'files'), { name: 'with-python', jar: python });
  web = await serveFiles(repository, { delayMillis: 100 });
  operators = { 'spark.jars.ivySettings': join(folder, 'ivysettings.xml') };
  writeFileSync(operators['spark.jars.ivySettings'] as string, ivySettings(web.address));
});
afterAll(async () => {
  await drivers?.[Symbol.asyncDispose]();
  await unkept?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function start(sparkProperties: Readonly<Record<string, string>>, from = drivers): Promise<Driver> {
  return from.drivers.start(makeAssignment({ sparkProperties }), async () => undefined);
}

describe('spark.jars.packages', () => {
  test('without a sandbox sessions that fill one cache at once share each download, and have jars of their own', async () => {
    const packages = { ...operators, 'spark.jars.packages': 'org.example:greet:1.0' };
    const sessions = await Promise.all([start(packages, unkept), start(packages, unkept), start(packages, unkept)]);
    for (const session of sessions) {
      expect((await run(session, WHICH)).stdout).toBe(
        "['example.Greet', 'example.Words', 'example.countdown.AsRow']\n",
      );
      expect(readdirSync(join(session.identity.folder, 'dependencies', 'ivy', 'jars')).sort()).toEqual([
        'org.example_countdown-1.0.jar',
        'org.example_greet-1.0.jar',
        'org.example_words-1.0.jar',
      ]);
    }
    expect(web.served.filter((path) => path.endsWith('.jar')).sort()).toEqual([
      '/org/example/countdown/1.0/countdown-1.0.jar',
      '/org/example/greet/1.0/greet-1.0.jar',
      '/org/example/words/1.0/words-1.0.jar',
    ]);
    await Promise.all(sessions.map((session) => session.stop()));
  });

  test.skipIf(noSandbox !== undefined)(
    'in a sandbox none takes what another has fetched, and could have forged',
    async () => {
      const words = { ...operators, 'spark.jars.packages': 'org.example:words:1.0' };
      const before = web.served.length;
      const [one, other] = await Promise.all([start(words), start(words)]);
      expect(web.served.slice(before).filter((path) => path.endsWith('.jar'))).toHaveLength(2);
      const looked = `import glob; print(glob.glob(${JSON.stringify(`${drivers.folder}/*/dependencies/ivy-cache`)}))`;
      for (const session of [one, other])
        expect((await run(session, looked)).stdout).toBe(`['${session.identity.folder}/dependencies/ivy-cache']\n`);
      await Promise.all([one.stop(), other.stop()]);
    },
  );

  test('repositories beside it, what is excluded, Python in a package; ADD JAR of another', async () => {
    const session = await start({
      ...operators,
      'spark.jars.repositories': pathToFileURL(join(folder, 'files')).href,
      'spark.jars.packages': 'org.example:greet:1.0, org.example:with-python:1.0',
      'spark.jars.excludes': 'org.example:countdown',
    });
    // On stderr Ivy reports what it does, as in Spark's own shells.
    const { stdout } = await run(
      session,
      `${WHICH}
import from_package
print(from_package.answer(), sc.parallelize([1], 1).map(lambda one: __import__("from_package").answer()).collect())
spark.sql("ADD JAR 'ivy://org.example:countdown:1.0'")
print(spark.read.format("example.countdown").option("from", "2").load().count())`,
    );
    expect(stdout).toBe("['example.Greet', 'example.Words']\n42 [42]\n2\n");
    const kept = readdirSync(join(session.identity.folder, 'dependencies', 'ivy', 'jars'));
    expect(kept).toContain('org.example_countdown-1.0.jar');
    await session.stop();
  });

  test('what is not to be had is named, in a JVM of its own and without settings too', async () => {
    // No address but this machine's answers: Maven's own repository is asked before a session's.
    const nowhere = ['http', 'https'].map((name) => `-D${name}.proxyHost=127.0.0.1 -D${name}.proxyPort=9`).join(' ');
    const properties = {
      'spark.driver.extraJavaOptions': nowhere,
      'spark.jars.repositories': pathToFileURL(repository).href,
      'spark.jars.packages': 'org.example:words:1.0,org.example:nothing:1.0',
    };
    await expect(start(properties)).rejects.toThrow(/^spark\.jars\.packages: org\.example:nothing:1\.0: not found$/);
  });
});
