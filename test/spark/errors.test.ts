import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Driver } from '../../src/drivers/driver.ts';
import { run, startDriver } from '../drivers/driver-fixture.ts';

let fixture: Awaited<ReturnType<typeof startDriver>>;
let driver: Driver;

beforeAll(async () => {
  fixture = await startDriver();
  driver = fixture.driver;
});
afterAll(() => fixture?.[Symbol.asyncDispose]());

describe("errors in the form of Athena's engine", () => {
  test.each([
    ['\nfoobar\n', 'File "<stdin>", line 2, in <module>\nNameError: name \'foobar\' is not defined\n'],
    [
      'def f():\n    return 1 / 0\n\n\nf()',
      'File "<stdin>", line 5, in <module>\nFile "<stdin>", line 2, in f\nZeroDivisionError: division by zero\n',
    ],
    ['x = = 1', 'File "<stdin>", line 1\n  x = = 1\n      ^\nSyntaxError: invalid syntax\n'],
    [
      'try:\n    1 / 0\nexcept Exception as error:\n    raise ValueError("v") from error',
      'File "<stdin>", line 2, in <module>\nZeroDivisionError: division by zero\n\n' +
        'The above exception was the direct cause of the following exception:\n\n' +
        'File "<stdin>", line 4, in <module>\nValueError: v\n',
    ],
    ['n = 1\n%time n\n\nraise KeyError("k")', 'File "<stdin>", line 4, in <module>\nKeyError: \'k\'\n'],
    [
      'class Broken:\n    def __repr__(self):\n        raise ValueError("no repr")\nBroken()',
      'File "<stdin>", line 3, in __repr__\nValueError: no repr\n',
    ],
    ['import sys\nsys.exit(3)', 'File "<stdin>", line 2, in <module>\nSystemExit: 3\n'],
    ['%nothing', 'Line magic function `%nothing` not found.\n'],
  ])('%j', async (code, expected) => {
    const { outcome, stderr, outputs } = await run(driver, code);
    expect(stderr).toBe(expected);
    expect(outcome.status).toBe('error');
    expect(outputs.at(-1)).toMatchObject({ output_type: 'error', ename: outcome.errorName });
  });

  test('name and text of the exception are told', async () => {
    const { outcome } = await run(driver, 'foobar');
    expect(outcome).toMatchObject({ errorName: 'NameError', errorValue: "name 'foobar' is not defined" });
  });

  test("Spark's errors carry Spark's own text, below %%sql without the machinery", async () => {
    const { outcome, stderr } = await run(driver, '%%sql\nSELECT * FROM nowhere');
    expect(outcome.errorName).toBe('AnalysisException');
    expect(outcome.errorValue).toContain('[TABLE_OR_VIEW_NOT_FOUND]');
    expect(stderr).toMatch(
      /^File "<stdin>", line 1, in <module>\npyspark.errors.exceptions.captured.AnalysisException: \[TABLE_OR_VIEW_NOT_FOUND\]/,
    );
  });

  test("a Python worker's traceback comes through", async () => {
    const { outcome, stderr } = await run(driver, 'sc.parallelize([0], 1).map(lambda n: 1 / n).collect()');
    expect(outcome.errorName).toBe('Py4JJavaError');
    expect(stderr).toContain('File "<stdin>", line 1, in <lambda>\nZeroDivisionError: division by zero');
  });

  test('no header line, and no frame of IPython or of the driver', async () => {
    const { stderr } = await run(driver, 'spark.sql("SELECT * FROM nowhere")');
    expect(stderr).toContain('/pyspark/sql/session.py');
    expect(stderr).not.toMatch(/Traceback \(most recent|IPython|ipykernel|parthenon_driver/);
  });

  test.each(['exit()', 'quit', 'import sys\nsys.exit()', 'raise SystemExit'])(
    '%j ends the calculation and not the session',
    async (code) => {
      const { outcome, stderr } = await run(driver, code);
      expect({ status: outcome.status, stderr }).toEqual({ status: 'ok', stderr: '' });
      expect((await run(driver, 'print("here")')).stdout).toBe('here\n');
    },
  );

  test('input() says that there is nobody to ask', async () => {
    expect((await run(driver, 'input("?")')).outcome.errorName).toBe('StdinNotImplementedError');
  });

  test('an exception whose text fails has a name all the same', async () => {
    const { outcome } = await run(
      driver,
      'class Odd(Exception):\n    def __str__(self): raise ValueError("no text")\nraise Odd()',
    );
    expect(outcome).toMatchObject({ status: 'error', errorName: 'Odd' });
  });

  test('code that UTF-8 cannot hold fails its calculation and not the session', async () => {
    const { outcome } = await run(driver, 'print("\ud800")');
    expect(outcome).toMatchObject({ status: 'error', errorName: 'UnicodeEncodeError' });
    expect((await run(driver, 'print("here")')).stdout).toBe('here\n');
  });

  test('a disk that takes no more fails the calculation and not the session', async () => {
    // As a full disk does: every write to a file fails.
    const full = `import resource
print("before")
most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (7, most))
`;
    const { outcome, stdout, outputs } = await run(driver, `${full}print("after")`);
    expect(outcome).toMatchObject({ status: 'error', errorName: 'OSError' });
    expect([stdout, outputs]).toEqual(['before\n', []]);
    const again = 'resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))\nprint("here")';
    expect((await run(driver, again)).stdout).toBe('here\n');
  });

  test('an exception whose text UTF-8 cannot hold fails its calculation and not the session', async () => {
    const { outcome, stderr, outputs } = await run(driver, 'raise ValueError("\\ud800")');
    expect(outcome).toMatchObject({ status: 'error', errorName: 'ValueError', errorValue: '\\ud800' });
    expect(stderr).toBe('File "<stdin>", line 1, in <module>\nValueError: \\ud800\n');
    expect(outputs).toMatchObject([{ output_type: 'error', evalue: '\ud800' }]);
    expect((await run(driver, 'print("here")')).stdout).toBe('here\n');
  });
});
