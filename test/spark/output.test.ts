import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
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

describe('what a calculation puts out', () => {
  test('state is kept from one calculation to the next', async () => {
    await run(driver, 'x = 20\ndef double(n):\n    return 2 * n');
    expect((await run(driver, 'print(double(x) + 2)')).stdout).toBe('42\n');
  });

  test('the last value shows on stdout and in the result, a semicolon keeps it back', async () => {
    const shown = await run(driver, '1\n6 * 7');
    expect(shown.stdout).toBe('42\n');
    expect(shown.outputs).toEqual([{ output_type: 'execute_result', data: { 'text/plain': '42' }, metadata: {} }]);
    expect((await run(driver, '6 * 7;')).stdout).toBe('');
    expect((await run(driver, 'None')).outputs).toEqual([]);
  });

  test('stdout and stderr are apart, each in its own order', async () => {
    const { stdout, stderr, outcome } = await run(
      driver,
      'import sys\nprint("a")\nprint("b", file=sys.stderr)\nprint("c", end="")\nsys.stderr.write("d")\n_ = 1',
    );
    expect({ stdout, stderr, status: outcome.status }).toEqual({ stdout: 'a\nc', stderr: 'b\nd', status: 'ok' });
  });

  test('subprocesses, the shell and descriptors keep their order with print, partial lines too', async () => {
    const { stdout } = await run(
      driver,
      'import os, subprocess\nprint("1 ", end="")\nsubprocess.run(["echo", "2"])\nprint("3")\nos.system("echo 4")\n' +
        'os.write(1, b"5\\n")\n!echo 6\nprint("7")',
    );
    expect(stdout).toBe('1 2\n3\n4\n5\n6\n7\n');
  });

  test('bytes that are no text pass unchanged', async () => {
    const { outcome } = await run(driver, 'import sys\nsys.stdout.buffer.write(bytes(range(256)));');
    expect([...readFileSync(join(outcome.spoolFolder, 'stdout'))]).toEqual([...Array(256).keys()]);
  });

  test('text that UTF-8 cannot hold does not fail the calculation', async () => {
    const { stdout, outcome } = await run(driver, 'print("\\ud800 é 🏛")');
    expect(outcome.status).toBe('ok');
    expect(stdout).toBe('\\ud800 é 🏛\n');
  });

  test('100 MB need a file and no memory', async () => {
    const before = await run(driver, 'import resource; resource.getrusage(resource.RUSAGE_SELF).ru_maxrss');
    const { outcome } = await run(driver, 'line = "x" * 1023\nfor _ in range(100 * 1024): print(line)');
    expect(statSync(join(outcome.spoolFolder, 'stdout')).size).toBe(100 * 1024 * 1024);
    const after = await run(driver, 'resource.getrusage(resource.RUSAGE_SELF).ru_maxrss');
    expect(Number(after.stdout) - Number(before.stdout)).toBeLessThan(20 * 1024);
    await driver.discardSpool(outcome.calculationId);
    expect(() => statSync(outcome.spoolFolder)).toThrow('ENOENT');
  });

  test("the JVM's own output lands in the calculation that made it", async () => {
    const first = await run(driver, 'sc._jvm.System.out.println("out 1"); sc._jvm.System.err.print("err 1")');
    const second = await run(driver, 'sc._jvm.System.out.println("out 2")');
    expect([first.stdout, first.stderr, second.stdout]).toEqual(['out 1\n', 'err 1', 'out 2\n']);
  });

  test('a logger configured in one calculation writes into the next', async () => {
    await run(driver, 'import logging\nlogging.basicConfig(level=logging.INFO, format="%(message)s")');
    expect((await run(driver, 'logging.info("seen")')).stderr).toBe('seen\n');
  });

  test("Spark's own log stays out of stderr", async () => {
    const { stderr } = await run(driver, 'sc.setLogLevel("INFO"); spark.range(10).count(); sc.setLogLevel("WARN")');
    expect(stderr).toBe('');
  });
});

describe('code that closes its own output', () => {
  test.each([
    ['import sys\nprint("before")\nsys.stdout.close()\nsys.stderr.close()', 'ok'],
    ['import os\nprint("before")\nos.close(1)\nos.close(2)', 'ok'],
    ['import sys\nprint("before")\nsys.stdout.detach()\ndel sys.stderr', 'ok'],
    ['import os\nprint("before")\nos.close(1)\nos.close(2)\nsc._jvm.System.out.println("lost")', 'ok'],
    ['import sys\nprint("before")\nsys.stdout.close()\nsys.stderr.close()\n1 / 0', 'error'],
    ['import os\nprint("before")\nos.close(1)\nos.close(2)\n1 / 0', 'error'],
  ])('%j', async (code, status) => {
    const closed = await run(driver, code);
    expect({ stdout: closed.stdout, status: closed.outcome.status }).toEqual({ stdout: 'before\n', status });
    if (status === 'error') expect(closed.stderr).toContain('ZeroDivisionError: division by zero\n');
    const next = await run(
      driver,
      'import os, sys\nprint("é")\nsys.stdout.buffer.write(b"b\\n")\nprint("e", file=sys.stderr)\nos.system("echo s")\n' +
        'sc._jvm.System.out.println("j")',
    );
    expect({ stdout: next.stdout, stderr: next.stderr }).toEqual({ stdout: 'é\nb\ns\nj\n', stderr: 'e\n' });
  });

  test('a stream that code has put in place of stdout stays', async () => {
    await run(driver, 'import io, sys\nsys.stdout = io.StringIO()');
    const { stdout } = await run(
      driver,
      'print("kept")\nsys.stderr.write(sys.stdout.getvalue())\nsys.stdout = sys.__stdout__',
    );
    expect(stdout).toBe('');
    expect((await run(driver, 'print("here")')).stdout).toBe('here\n');
  });
});

describe('rich results', () => {
  test('a pandas frame comes as text and HTML', async () => {
    const { outputs } = await run(driver, 'import pandas\npandas.DataFrame({"n": [1, 2]})');
    expect(Object.keys(outputs[0]?.data ?? {})).toEqual(['text/plain', 'text/html']);
  });

  test('a Matplotlib figure comes as PNG without being asked for', async () => {
    const { outputs } = await run(driver, 'import matplotlib.pyplot as plt\nplt.plot([1, 2]);');
    const png = Buffer.from(String(outputs[0]?.data['image/png']), 'base64');
    expect(outputs[0]?.output_type).toBe('display_data');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
  });

  test('a Plotly figure comes in its own form', async () => {
    const { outputs } = await run(driver, 'import plotly.graph_objects as go\n%plotly go.Figure(go.Bar(y=[1, 2]))');
    expect(Object.keys(outputs[0]?.data ?? {})).toEqual(['application/vnd.plotly.v1+json', 'text/html']);
  });

  test('a bare Plotly figure shows itself', async () => {
    const { outputs, stderr } = await run(driver, 'go.Figure(go.Bar(y=[1, 2]))');
    expect(stderr).toBe('');
    // The first may be the script that HTML figures need once.
    expect(Object.keys(outputs.at(-1)?.data ?? {})).toContain('application/vnd.plotly.v1+json');
  });

  test('JSON, SVG and HTML displays keep their order', async () => {
    const { outputs } = await run(
      driver,
      'from IPython.display import HTML, JSON, SVG\ndisplay(JSON({"a": [1]}))\ndisplay(HTML("<b>b</b>"))\n' +
        'display(SVG("<svg xmlns=\'http://www.w3.org/2000/svg\'/>"))',
    );
    expect(outputs.map(({ data }) => Object.keys(data).find((type) => type !== 'text/plain'))).toEqual([
      'application/json',
      'text/html',
      'image/svg+xml',
    ]);
    expect(outputs[0]?.data['application/json']).toEqual({ a: [1] });
  });
});

describe('what code finds', () => {
  test('the session, its application id, and the loggers', async () => {
    const { stdout, outcome } = await run(
      driver,
      'athena_user_logger.info("mine"); athena_shared_logger.info("all")\n' +
        'print(spark.version, sc is spark.sparkContext, sqlContext.sparkSession is spark, sc.applicationId)',
    );
    expect(outcome.status).toBe('ok');
    expect(stdout).toBe('3.5.7 True True 3f1c8a52-5a4b-4b57-9d0e-0d6c1f2f7a11\n');
  });

  test('what nobody set keeps the default of Spark', async () => {
    const { stdout } = await run(
      driver,
      'print([spark.conf.get(n) for n in ("spark.sql.shuffle.partitions", "spark.sql.adaptive.enabled")])',
    );
    expect(stdout).toBe("['200', 'true']\n");
  });

  test('no secret in the environment, of Python, of the JVM or of the Python workers', async () => {
    process.env.AWS_SECRET_ACCESS_KEY ??= 'the-secret-of-the-server';
    const { stdout } = await run(
      driver,
      'import os\nworker = sc.parallelize([0], 1).map(lambda _: dict(os.environ)).first()\n' +
        'texts = [str(dict(os.environ)), str(worker), str(sc._jvm.System.getenv())]\n' +
        'print([("not-a-secret" in t, "SECRET_ACCESS" in t, "AWS_CONFIG_FILE" in t) for t in texts])',
    );
    expect(stdout).toBe('[(False, False, True), (False, False, True), (False, False, True)]\n');
  });

  test('%%sql shows its result as text and HTML, also below empty lines', async () => {
    const { stdout, outputs, outcome } = await run(driver, "\n\n%%sql\nSELECT 1 AS n, 'x <y>' AS t, NULL AS z;\n");
    expect(outcome.status).toBe('ok');
    expect(stdout).toBe('+---+-----+----+\n|  n|    t|   z|\n+---+-----+----+\n|  1|x <y>|NULL|\n+---+-----+----+\n');
    expect(outputs[0]?.data['text/html']).toContain('<td>x &lt;y&gt;</td>');
  });

  test('%%sql with nothing to show shows nothing', async () => {
    const { stdout, outputs, outcome } = await run(
      driver,
      '%%sql\nCREATE TEMPORARY VIEW three AS SELECT * FROM range(3)',
    );
    expect({ stdout, outputs, status: outcome.status }).toEqual({ stdout: '', outputs: [], status: 'ok' });
    expect((await run(driver, '%table spark.table("three")')).stdout).toContain('|  2|');
  });

  test.each([
    ['%session_id', '3f1c8a52-5a4b-4b57-9d0e-0d6c1f2f7a11'],
    ['%status', 'State BUSY'],
    ['%list_sessions', 'primary'],
    ['%help', '%%sql'],
  ])('%s', async (magic, expected) => {
    const { stdout, outcome } = await run(driver, magic);
    expect(outcome.status).toBe('ok');
    expect(stdout).toContain(expected);
  });
});

describe('what is asked while code runs', () => {
  test('executors and progress are answered', async () => {
    expect(await driver.progress()).toBeUndefined();
    const running = run(driver, 'import time\nsc.parallelize(range(6), 6).map(lambda n: time.sleep(0.7)).count()');
    const seen: number[] = [];
    let ended = false;
    void running.finally(() => {
      ended = true;
    });
    while (!ended) {
      const progress = await driver.progress();
      if (progress !== undefined) seen.push(progress);
      expect(await driver.executors()).toMatchObject([
        { executorId: 'driver', type: 'COORDINATOR', state: 'REGISTERED', startedAt: expect.any(Date) },
      ]);
    }
    expect((await running).outcome.status).toBe('ok');
    expect(seen.some((each) => each > 0 && each < 100)).toBe(true);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});
