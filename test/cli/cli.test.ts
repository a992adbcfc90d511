/** The commands for people, on a real server: as a user has them, by bin/parthenon.mjs. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetCalculationExecutionStatusCommand, ListSessionsCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sessionState, waitForSession } from '../support/calculations.ts';
import { newHome, startTestServer, type TestServer, until } from '../support/server.ts';
import { type HowToStart, parthenon, shell, start } from './parthenon.ts';

let server: TestServer;
/** Idle, but while a test runs something in it. */
let session: string;
let folder: string;
/** Of who has started the server here. */
let here: HowToStart;

beforeAll(async () => {
  server = await startTestServer();
  folder = newHome();
  here = { environment: { PARTHENON_HOME: server.home }, folder };
  const started = await parthenon(['sessions', 'start', '-D', 'spark.app.name=typed', '--description', 'mine'], here);
  expect(started.code).toBe(0);
  session = started.stdout.trim();
});
afterAll(async () => {
  await server.remove();
  rmSync(folder, { recursive: true });
});

const inSession = (...args: string[]) => ['run', '--session', session, ...args];
const active = async () => {
  const { Sessions = [] } = await server.athena.send(new ListSessionsCommand({ WorkGroup: 'primary' }));
  return Sessions.filter(({ Status }) => !/TERMINATING|TERMINATED|FAILED/.test(Status?.State ?? '')).map(
    ({ SessionId }) => SessionId,
  );
};
/** `id` of the calculation that runs. */
const runningIn = async (sessionId: string) => {
  const { stdout } = await parthenon(['calculations', 'list', sessionId, '--json', '--limit', '1'], here);
  return JSON.parse(stdout).Calculations[0].CalculationExecutionId as string;
};
const stateOf = async (CalculationExecutionId: string) =>
  (await server.athena.send(new GetCalculationExecutionStatusCommand({ CalculationExecutionId }))).Status?.State;

describe('parthenon run', () => {
  it('runs a file in a session of its own, which ends, with its properties', async () => {
    writeFileSync(
      join(folder, 'job.py'),
      'import sys\nprint(spark.conf.get("spark.sql.shuffle.partitions"))\nprint("aside", file=sys.stderr)\n6 * 7\n',
    );
    const ended = await parthenon(
      ['run', 'job.py', '-D', 'spark.sql.shuffle.partitions=3', '--idle-timeout', '5'],
      here,
    );
    expect(ended).toEqual({ code: 0, stdout: '3\n42\n', stderr: 'aside\n' });
    expect(await active()).toEqual([session]);
  });

  it('runs standard input in a session that goes on, and fails as the code does', async () => {
    expect(await parthenon(inSession(), { ...here, input: 'kept = 1' })).toEqual({ code: 0, stdout: '', stderr: '' });
    const failed = await parthenon(inSession('-'), { ...here, input: 'print(kept)\nkept / 0' });
    expect(failed).toMatchObject({ code: 1, stdout: '1\n' });
    expect(failed.stderr).toMatch(
      /ZeroDivisionError: division by zero\nparthenon: the calculation [\w-]+ is FAILED: ZeroDivisionError/,
    );
    const table = await parthenon(inSession(), { ...here, input: '%%sql\nSELECT 1 AS one' });
    expect(table).toEqual({ code: 0, stdout: '+---+\n|one|\n+---+\n|  1|\n+---+\n', stderr: '' });
    expect(await sessionState(server, session)).toBe('IDLE');
  });

  it('shows output while the code runs', async () => {
    const running = start(inSession(), { ...here, input: 'import time\nprint("first")\ntime.sleep(600)' });
    await until(() => running.stdout() === 'first\n', 30_000);
    expect(await stateOf(await runningIn(session))).toBe('RUNNING');
    running.process.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(/is CANCELED: Calculation was canceled per request/);
    expect(await stateOf(await runningIn(session))).toBe('CANCELED');
    await waitForSession(server, session, ['IDLE']);
  });

  it('is interrupted also while the server is away', async () => {
    const running = start(inSession(), { ...here, input: 'import time\nprint("on")\ntime.sleep(5)' });
    await until(() => running.stdout() === 'on\n', 60_000);
    server.process.kill('SIGSTOP');
    running.process.kill('SIGINT');
    await server.stop('SIGKILL');
    expect((await running.ended).code).toBe(130);
    expect(running.stderr()).not.toMatch(/ {4}at /);
    server = await startTestServer({ port: new URL(server.endpoint).port }, server.home);
    await waitForSession(server, session, ['IDLE']);
  });

  it('is interrupted with the session that it has started', async () => {
    const running = start(['run'], { ...here, input: 'import time\nprint("on")\ntime.sleep(600)' });
    await until(() => running.stdout() === 'on\n', 60_000);
    const [own] = (await active()).filter((id) => id !== session);
    running.process.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect(await sessionState(server, own as string)).toMatch(/^TERMINAT/);
    await waitForSession(server, own as string, ['TERMINATED']);
  });

  it('saves figures, overwrites none, and prints what is displayed as text', async () => {
    const plots =
      'import matplotlib.pyplot as plt\nfrom IPython.display import display, SVG\nplt.plot([1, 4, 9]); plt.show()\ndisplay({"text/plain": "a table"}, raw=True)\ndisplay(SVG("<svg xmlns=\'http://www.w3.org/2000/svg\'/>"))\nplt.bar([1], [2])';
    writeFileSync(join(folder, 'plots.py'), plots);
    const args = inSession('plots.py', '--output-dir', 'figures');
    const first = await parthenon(args, here);
    expect(first.stdout).toMatch(/a table\n$/);
    expect(first.stderr.match(/saved .*/g)).toEqual([
      'saved figures/plots-1.png',
      'saved figures/plots-1.svg',
      'saved figures/plots-2.png',
    ]);
    expect(
      readFileSync(join(folder, 'figures', 'plots-1.png'))
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    await parthenon(args, here);
    expect(readdirSync(join(folder, 'figures')).sort()).toEqual([
      'plots-1.png',
      'plots-1.svg',
      'plots-2.png',
      'plots-2.svg',
      'plots-3.png',
      'plots-4.png',
    ]);
  });

  it('ends quietly, and with it the calculation, when nobody reads any more', async () => {
    const code = 'import time\nfor n in range(100000):\n    print(n)\n    time.sleep(0.001)\n';
    writeFileSync(join(folder, 'long.py'), code);
    const { stdout, stderr } = await shell(
      `node "$PARTHENON" run --session ${session} long.py | head -2; echo "\${PIPESTATUS[0]}"`,
      here,
    );
    expect({ stdout, stderr }).toEqual({ stdout: '0\n1\n141\n', stderr: '' });
    expect(await stateOf(await runningIn(session))).toBe('CANCELED');
    await waitForSession(server, session, ['IDLE']);
  });
});

describe('parthenon sql', () => {
  const sql = async (...args: string[]) => await parthenon(['sql', '--session', session, ...args], here);
  const rows = `SELECT * FROM VALUES (1, 'Αθήνα, "GR"', 9007199254740993, map('k', array(1.5)), binary('x')), (2, NULL, 0, NULL, NULL) AS t(id, city, big, more, bytes);`;

  it('prints a table, CSV and JSON', async () => {
    const table = await sql('SELECT id, id * 2 AS twice FROM range(2) ORDER BY id');
    expect(table).toEqual({
      code: 0,
      stderr: '',
      stdout: '+---+-----+\n|id |twice|\n+---+-----+\n|0  |0    |\n|1  |2    |\n+---+-----+\n\n',
    });
    const csv = await sql(rows, '--format', 'csv');
    expect(csv.stdout).toBe(
      'id,city,big,more,bytes\n1,"Αθήνα, ""GR""",9007199254740993,"{""k"": [""1.5""]}",eA==\n2,,0,,\n',
    );
    const json = await sql(rows, '--format', 'json');
    expect(json.stdout).toContain('"big": 9007199254740993');
    expect(JSON.parse(json.stdout)[1]).toEqual({ id: 2, city: null, big: 0, more: null, bytes: null });
    expect(JSON.parse((await sql('SELECT 1 AS one WHERE false', '--format', 'json')).stdout)).toEqual([]);
  });

  it('takes a file and standard input, and says what is wrong', async () => {
    writeFileSync(join(folder, 'query.sql'), "SELECT 'quoted \\'text\\' ✓' AS text\n;\n");
    expect((await sql('--file', 'query.sql', '--format', 'csv')).stdout).toBe("text\nquoted 'text' ✓\n");
    const piped = await parthenon(['sql', '-', '--session', session, '--format', 'csv'], {
      ...here,
      input: 'SELECT 3 AS three',
    });
    expect(piped.stdout).toBe('three\n3\n');
    const wrong = await sql('SELECT * FROM nowhere');
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(
      /^File "<stdin>", line \d+, in <module>\n[\w.]*AnalysisException: \[TABLE_OR_VIEW_NOT_FOUND\]/,
    );
  });
});

describe('parthenon logs', () => {
  it('-f goes on over a server that is killed', async () => {
    writeFileSync(
      join(folder, 'waits.py'),
      `import os, time\nprint("one", os.getcwd())\nwhile not os.path.exists("go"): time.sleep(0.05)\nprint("two")`,
    );
    const running = start(['run', '--session', session, 'waits.py'], here);
    await until(() => running.stdout().startsWith('one'), 30_000);
    const logs = start(['logs', '-f', await runningIn(session)], here);
    await until(() => logs.stdout().startsWith('one'), 30_000);
    const sofar = await parthenon(['logs', await runningIn(session)], here);
    expect(sofar).toMatchObject({ code: 0, stdout: logs.stdout() });
    await server.stop('SIGKILL');
    server = await startTestServer({ port: new URL(server.endpoint).port }, server.home);
    const drivers = join(server.home, 'drivers');
    for (const driver of readdirSync(drivers)) {
      mkdirSync(join(drivers, driver, 'work'), { recursive: true });
      writeFileSync(join(drivers, driver, 'work', 'go'), '');
    }
    for (const each of [running, logs])
      expect(await each.ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^one .*\ntwo\n$/) });
  });
});

describe('what goes wrong', () => {
  const unknown = '11111111-2222-4333-8444-555555555555';

  it('is told in a sentence that says what to do', async () => {
    const said = async (args: string[], environment: NodeJS.ProcessEnv, input?: string) => {
      const { code, stderr } = await parthenon(args, { environment, folder, ...(input !== undefined && { input }) });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^parthenon: .*\n$/);
      return stderr;
    };
    const home = { PARTHENON_HOME: server.home };
    expect(await said(['sessions', 'list'], { PARTHENON_HOME: folder })).toContain('npm start');
    expect(await said(['sessions', 'list', '--endpoint-url', 'http://127.0.0.1:1'], server.environment)).toContain(
      'npm start',
    );
    expect(await said(['sessions', 'list'], { AWS_PROFILE: 'none', AWS_REGION: 'us-east-1' })).toMatch(/profile|keys/i);
    const wrongKeys = { ...server.environment, AWS_ACCESS_KEY_ID: 'AKIAUNKNOWN' };
    expect(await said(['sessions', 'list'], wrongKeys)).toContain('parthenon env');
    const noKeys = {
      AWS_ENDPOINT_URL: server.endpoint,
      AWS_REGION: 'us-east-1',
      HOME: folder,
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    expect(await said(['sessions', 'list'], noKeys)).toContain('parthenon env');
    mkdirSync(join(folder, '.aws'));
    const credentials = '[default]\naws_access_key_id = a\naws_secret_access_key = b\n';
    writeFileSync(join(folder, '.aws', 'credentials'), credentials);
    const noServer = { AWS_PROFILE: 'default', AWS_REGION: 'us-east-1', HOME: folder };
    expect(await said(['sessions', 'list'], noServer)).toContain('AWS_ENDPOINT_URL');
    expect(await said(['sessions', 'show', unknown], home)).toContain('parthenon sessions list');
    expect(await said(['logs', unknown], home)).toContain('There is no calculation and no session');
    expect(await said(['run', 'nowhere.py'], home)).toContain('There is no file nowhere.py');
    expect(await said(['run'], home, 'x'.repeat(68_001))).toMatch(/68,001 characters .* 68,000/);
    expect(await active()).toEqual([session]);
  });
});

describe('parthenon completion', () => {
  it('completes commands, options and values in bash, and leaves files to it', async () => {
    const script = (words: string) => `
eval "$(node "$PARTHENON" completion bash)"
COMP_WORDS=(${words.endsWith(' ') ? `${words}''` : words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_parthenon
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const completed = async (words: string) => {
      const { stdout, stderr } = await shell(script(words), here);
      return `${stderr}${stdout}`.split('\n').filter((line) => line !== '');
    };
    expect(await completed('parthenon se')).toEqual(['sessions']);
    expect(await completed('parthenon sessions ')).toEqual(expect.arrayContaining(['list', 'start', 'show', 'stop']));
    expect(await completed('parthenon sessions start --prop')).toEqual(['--property']);
    expect(await completed('parthenon sql --format ')).toEqual(['table', 'csv', 'json']);
    expect(await completed('parthenon run jo')).toEqual([]);
    expect(await completed('parthenon completion ')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('is there for zsh and fish', async () => {
    expect((await parthenon(['completion', 'zsh'])).stdout).toContain('bashcompinit');
    expect((await parthenon(['completion', 'fish'])).stdout).toContain('complete -c parthenon');
  });
});

describe('parthenon sessions, calculations and logs', () => {
  it('list, show and stop', async () => {
    await parthenon(inSession(), { ...here, input: 'print("kept")' });
    const listed = await parthenon(['sessions', 'list', '--state', 'idle'], here);
    expect(listed.stdout).toMatch(new RegExp(`^SESSION .*\\n${session}  IDLE  .*  mine\\n$`));
    const shown = JSON.parse((await parthenon(['sessions', 'show', session, '--json'], here)).stdout);
    expect(shown).toMatchObject({
      SessionId: session,
      EngineConfiguration: { SparkProperties: { 'spark.app.name': 'typed' } },
    });
    expect((await parthenon(['sessions', 'show', session], here)).stdout).toMatch(/^State: +IDLE$/m);
    const calculation = await runningIn(session);
    expect((await parthenon(['calculations', 'list', session], here)).stdout).toContain(`${calculation}  COMPLETED`);
    expect((await parthenon(['calculations', 'show', calculation], here)).stdout).toMatch(/^stdout: +s3:/m);
    expect((await parthenon(['calculations', 'stop', calculation], here)).stdout).toBe(`${calculation} COMPLETED\n`);
    expect((await parthenon(['logs', calculation], here)).stdout).toBe('kept\n');
    expect((await parthenon(['sessions', 'stop', session], here)).stdout).toBe(`${session} TERMINATING\n`);
    const logs = await parthenon(['logs', '-f', session], here);
    expect(logs).toMatchObject({ code: 0, stdout: expect.stringMatching(/\nkept\n$/) });
    expect(logs.stderr).toMatch(/==> calculation [\w-]+ <==\nparthenon: session TERMINATED: .*\n$/);
    expect(logs.stderr).toContain(`==> calculation ${calculation} <==`);
  });
});
