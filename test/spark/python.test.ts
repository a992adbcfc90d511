import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { TerminateSessionCommand } from '@aws-sdk/client-athena';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { locateRuntime } from '../../src/runtime/runtime.ts';
import { run, startIdleSession, waitForSession } from '../support/calculations.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';
import { writeWheel } from '../support/wheels.ts';
import { documentedSamples } from './documented-samples.ts';

const PAGE = 'users/python.md';
const GREETING = `def greet(name):
    return f"Hello, {name}!"
def main():
    print(greet("shell"))
`;

let server: TestServer;
let sessionId: string;
let wheels: string;

beforeAll(async () => {
  wheels = mkdtempSync(join(tmpdir(), 'wheels-'));
  server = await startTestServer({ 'allowed-paths': wheels });
  for (const Bucket of ['my-wheels', 'my-models']) await server.s3.send(new CreateBucketCommand({ Bucket }));
  const path = writeWheel(wheels, 'greeting', '1.0', {
    files: { 'greeting.py': GREETING },
    requires: ['numpy>=1'],
    scripts: ['greeting = greeting:main'],
  });
  const Key = 'greeting-1.0-py3-none-any.whl';
  await server.s3.send(new PutObjectCommand({ Bucket: 'my-wheels', Key, Body: readFileSync(path) }));
  const SparkProperties = { 'spark.sql.shuffle.partitions': '2' };
  sessionId = await startIdleSession(server, { EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties } });
});
afterAll(async () => {
  await server?.remove();
  rmSync(wheels, { recursive: true, force: true });
});

/** Runs code that must succeed. */
async function succeed(code: string, session = sessionId) {
  const calculation = await run(server, session, code);
  if (calculation.Status?.State !== 'COMPLETED') throw new Error(`${code}\n${calculation.stderr}`);
  return calculation;
}

async function output(code: string, session = sessionId): Promise<string> {
  return (await succeed(code, session)).stdout;
}

/** Runs a section's samples and compares what they print. @returns the outputs of all of them */
async function runSamples(section: string) {
  const outputs = [];
  for (const { code, prints } of documentedSamples(PAGE, section).samples) {
    const { stdout, outputs: shown } = await succeed(code);
    expect(stdout.trim()).toBe(prints.trim());
    outputs.push(...shown);
  }
  return outputs;
}

/** What the environment that all sessions share holds, by name. */
function sharedPackages(): string[] {
  const lib = join(dirname(dirname(locateRuntime().python)), 'lib');
  return readdirSync(lib).flatMap((version) => readdirSync(join(lib, version, 'site-packages')));
}

test('all that the page names is installed', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs', PAGE), 'utf8');
  const [, list = ''] = /that go with Spark 3\.5:\n\n(.*?)\n\nand beside it/s.exec(page) ?? [];
  const names = list.split(/,\s+/).map((name) => name.split(' ')[0]);
  expect(names).toHaveLength(37);
  const code = `from importlib.metadata import version
for name in ${JSON.stringify(names)}:
    version(name)
import Cython, PIL, dateutil, docutils, fontTools, matplotlib, numpy, pandas, patsy, plotly, pmdarima, pyarrow, pyathena, requests
import scipy, seaborn, sklearn, statsmodels.api, sympy, tenacity
print(numpy.__version__[:4], pandas.__version__[:3], pyarrow.__version__[:2])`;
  expect(await output(code)).toBe('1.26 2.3 17\n');
});

describe('packages of a session', () => {
  let before: string[];
  beforeAll(() => {
    before = sharedPackages();
  });

  test('samples of the page: a wheel from S3 is there for the driver and for Spark’s Python workers', async () => {
    await runSamples('Packages of your own');
    expect(await output('!greeting')).toBe('Hello, shell!\n');
  });

  test('pip of the shell and of subprocesses installs in the same place, and finds what is installed', async () => {
    writeWheel(wheels, 'byshell', '1.0', {
      files: { 'byshell.py': 'PLACE = __file__' },
      requires: ['pandas', 'greeting'],
    });
    writeWheel(wheels, 'bysubprocess', '1.0', { files: { 'bysubprocess.py': 'PLACE = __file__' } });
    const code = `import subprocess, sys
!pip install --quiet --no-index --find-links ${wheels} byshell
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", ${JSON.stringify(wheels)}, "bysubprocess"], check=True)
import byshell, bysubprocess, greeting
print({module.__file__.rsplit("/", 1)[0] == greeting.__file__.rsplit("/", 1)[0] for module in (byshell, bysubprocess)})`;
    expect(await output(code)).toBe('{True}\n');
  });

  test('another version than the shared one is found first, and what was imported before is named', async () => {
    writeWheel(wheels, 'tenacity', '99.0', { files: { 'tenacity/__init__.py': 'VERSION = 99' } });
    const inWorker =
      'sc.parallelize([0], 1).map(lambda _: __import__("tenacity").__dict__.get("VERSION")).collect()[0]';
    expect(await output(`import tenacity\nprint(hasattr(tenacity, "retry"), ${inWorker})`)).toBe('True None\n');
    expect(await output(`%pip install --quiet --no-index --find-links ${wheels} tenacity==99.0`)).toContain(
      'Note: tenacity had been imported before',
    );
    expect(await output(`print(hasattr(tenacity, "retry"), ${inWorker})`)).toBe('True 99\n');
    expect(await output(`!python -c "import tenacity; print(tenacity.VERSION)"`)).toBe('99\n');
    await output('%pip uninstall --quiet tenacity');
    expect(await output(`print(${inWorker})\n!python -c "import tenacity; print(hasattr(tenacity, 'retry'))"`)).toBe(
      'None\nTrue\n',
    );
  });

  test.each([
    ['%pip install --no-index nowhere-to-be-found', 'No matching distribution found for nowhere-to-be-found'],
    [`%pip install --no-index --find-links . --user nowhere`, 'User site-packages are not visible in this virtualenv'],
    ['%pip nonsense', 'unknown command "nonsense"'],
  ])('%s: the calculation is FAILED and pip’s words are on stderr', async (code, words) => {
    const { Status, stderr } = await run(server, sessionId, code);
    expect(Status).toMatchObject({
      State: 'FAILED',
      StateChangeReason: expect.stringContaining('pip ended with exit code'),
    });
    expect(stderr).toContain(words);
  });

  test('uninstall takes nothing from the shared environment, by whatever name pip is called', async () => {
    const commands = ['pip', 'pip3', 'python -m pip', 'python3 -m pip'].map((pip) => `!${pip} uninstall sympy pip`);
    const { stdout, stderr } = await succeed([...commands, '%pip uninstall sympy pip'].join('\n'));
    expect((stdout + stderr).match(/outside environment/g)).toHaveLength(10);
    expect(sharedPackages()).toEqual(before);
  });

  test('go with the session, and no other session sees them', async () => {
    const folder = (await output('import greeting\nprint(greeting.__file__)')).trim();
    expect(existsSync(folder)).toBe(true);
    const other = await startIdleSession(server);
    expect(await output('import importlib.util\nprint(importlib.util.find_spec("greeting"))', other)).toBe('None\n');
    await server.athena.send(new TerminateSessionCommand({ SessionId: other }));
    await waitForSession(server, other, ['TERMINATED']);
    expect(sharedPackages()).toEqual(before);
  });
});

describe('samples of the page', () => {
  test('pandas in Spark', async () => {
    await runSamples('pandas in Spark');
  });

  test('figures, with the list of fonts that set-up made', async () => {
    const fonts = `import glob, os
print([os.stat(path).st_mtime_ns for path in glob.glob(os.path.expanduser("~/.cache/matplotlib/fontlist*"))])`;
    const before = await output(fonts);
    expect(before).toMatch(/^\[\d+\]$/m);
    const outputs = await runSamples('Figures');
    expect(outputs.map(({ data }) => Object.keys(data).at(-1))).toEqual(['image/png', 'text/html']);
    expect(Object.keys(outputs[1]?.data ?? {})).toContain('application/vnd.plotly.v1+json');
    expect(await output(fonts)).toBe(before);
  });

  test('machine learning', async () => {
    await runSamples('Machine learning');
  });
});

test('Arrow on and off convert alike, both ways', async () => {
  const code = `import datetime, pandas
frame = pandas.DataFrame({
    "n": [1, 2], "x": [0.5, None], "t": ["a", None], "d": [datetime.date(2026, 1, 2)] * 2,
    "at": pandas.to_datetime(["2026-01-02 03:04:05.678"] * 2),
})
back = {}
for enabled in ("true", "false"):
    spark.conf.set("spark.sql.execution.arrow.pyspark.enabled", enabled)
    back[enabled] = spark.createDataFrame(frame).toPandas()
spark.conf.unset("spark.sql.execution.arrow.pyspark.enabled")
pandas.testing.assert_frame_equal(back["true"], back["false"], check_dtype=False)
print(back["true"].n.tolist(), back["true"].t.tolist(), back["true"]["at"][0], back["true"].d[0])`;
  expect(await output(code)).toBe("[1, 2] ['a', None] 2026-01-02 03:04:05.678000 2026-01-02\n");
});

test('a session that has ended leaves none of its packages', async () => {
  const drivers = join(server.home, 'drivers');
  await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
  await waitForSession(server, sessionId, ['TERMINATED']);
  await until(() => readdirSync(drivers).length === 0, 30_000);
  expect(sharedPackages()).not.toContain('greeting.py');
});
