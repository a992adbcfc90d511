import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { noSandbox } from '../drivers/driver-fixture.ts';
import { cleanEnvironment, newHome, startTestServer, type TestServer, until } from '../support/server.ts';

const execute = promisify(execFile);
const cli = resolve(import.meta.dirname, '..', '..', 'src', 'cli.ts');
const secret = 'it\'s $(touch nothing) "secret"'.replaceAll(' ', '_');
const keys = { PARTHENON_ACCESS_KEY_ID: 'AKIAGIVENGIVENGIVEN1', PARTHENON_SECRET_ACCESS_KEY: secret };

async function parthenon(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  return await execute(process.execPath, [cli, ...args], { env: { ...cleanEnvironment(), ...environment } });
}

let server: TestServer | undefined;
afterEach(async () => {
  await server?.remove();
  server = undefined;
});

describe('parthenon env', () => {
  it('prints one export line a variable, and nothing that a shell would run', async () => {
    const { stdout } = await parthenon(['env', '--home', newHome(), '--port', '4711'], keys);
    expect(stdout.match(/^export \w+=/gm)).toHaveLength(5);
    const shown = await execute('bash', [
      '-euc',
      `${stdout}\nprintf '%s %s' "$AWS_ENDPOINT_URL" "$AWS_SECRET_ACCESS_KEY"`,
    ]);
    expect(shown.stdout).toBe(`http://127.0.0.1:4711 ${secret}`);
  });

  it('agrees with the running server, which listens where nobody else does', async () => {
    server = await startTestServer();
    const { stdout } = await parthenon(['env', '--home', server.home]);
    for (const [name, value] of Object.entries(server.environment))
      expect(stdout).toContain(`export ${name}=${value}\n`);
  });
});

describe('parthenon config', () => {
  it('prints every setting with its origin, and no secret', async () => {
    const PARTHENON_SPARK_PROPERTIES = JSON.stringify({
      'spark.authenticate.secret': secret,
      'spark.authenticate': 'true',
    });
    const settings = { ...keys, PARTHENON_REGION: 'eu-west-1', PARTHENON_SPARK_PROPERTIES };
    const { stdout } = await parthenon(['config', '--port', '1'], settings);
    expect(stdout).toMatch(
      /^sparkProperties = {"spark.authenticate.secret":"\(secret\)","spark.authenticate":"true"}/m,
    );
    expect(stdout).toMatch(/^port = 1 {2}# flag/m);
    expect(stdout).toMatch(/^region = "eu-west-1" {2}# environment/m);
    expect(stdout).toMatch(/^host = "127.0.0.1" {2}# default/m);
    expect(stdout).not.toContain(secret);
  });

  it('says whether sessions run in a sandbox, and why not', async () => {
    const lastLine = async (environment: NodeJS.ProcessEnv) =>
      (await parthenon(['config', '--home', newHome()], environment)).stdout.trim().split('\n').at(-1);
    expect(await lastLine({ PARTHENON_SANDBOX: 'auto' })).toBe(
      noSandbox === undefined
        ? `# Sessions run in a sandbox: ${(await execute('bwrap', ['--version'])).stdout.trim()}`
        : `# Sessions run WITHOUT A SANDBOX: ${noSandbox}`,
    );
    expect(await lastLine({ PARTHENON_SANDBOX: 'off' })).toBe('# Sessions run WITHOUT A SANDBOX: it is off');
    expect(await lastLine({ PARTHENON_SANDBOX: 'auto', PATH: '/nowhere' })).toMatch(
      /^# Sessions run WITHOUT A SANDBOX: bubblewrap is not installed\. Install it as root: \S.*bubblewrap$/,
    );
  });

  it('prints where the state is, unless that holds a password', async () => {
    const shown = async (url: string) => {
      const { stdout } = await parthenon(['config'], { PARTHENON_DATABASE_URL: url });
      return /^databaseUrl = (.*?) {2}#/m.exec(stdout)?.[1];
    };
    expect(await shown('sqlite:/srv/state.db')).toBe('"sqlite:/srv/state.db"');
    expect(await shown('postgresql://parthenon:pw@host/db?sslmode=verify-full')).toBe('(secret)');
    await expect(shown('postgresql://host:pw')).rejects.toMatchObject({
      stderr: 'parthenon: PARTHENON_DATABASE_URL: must be sqlite:<file> or postgresql://user:password@host/database.\n',
    });
  });
});

describe('parthenon start', () => {
  it('goes no further without a sandbox that is required, and without one that is not with a warning', async () => {
    const failed = parthenon(['start', '--home', newHome(), '--port', '0', '--sandbox', 'required'], {
      PATH: '/nowhere',
    });
    await expect(failed).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^parthenon: PARTHENON_SANDBOX is required, but bubblewrap is not installed\. Install it as root: \S.*bubblewrap\.\n$/,
      ),
    });
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      server = await startTestServer({ sandbox: 'auto' });
    } finally {
      process.env.PATH = path;
    }
    expect(server.log()).toMatch(/"level":40,.*"reason":"bubblewrap is not installed.*NO SANDBOX/);
  });

  it('says what is wrong with a setting, without a stack trace', async () => {
    const failed = parthenon(['start', '--port', 'x']);
    await expect(failed).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^parthenon: --port: must be a whole number.*\n$/),
    });
  });

  it('says that the port is in use, and that the home is', async () => {
    server = await startTestServer();
    const { port } = new URL(server.endpoint);
    await expect(parthenon(['start', '--home', newHome(), '--port', port])).rejects.toMatchObject({
      stderr: expect.stringContaining(`Port ${port} is in use`),
    });
    await expect(parthenon(['start', '--home', server.home, '--port', '0'])).rejects.toMatchObject({
      stderr: expect.stringContaining('Another Parthenon server is using'),
    });
  });

  it('says that a home cannot be made', async () => {
    await expect(parthenon(['start', '--home', '/proc/nowhere/home'])).rejects.toMatchObject({
      stderr: expect.stringContaining('PARTHENON_HOME /proc/nowhere/home cannot be made'),
    });
  });

  it('leaves nothing running when it is stopped while it starts', async () => {
    const home = newHome();
    const child = spawn(process.execPath, [cli, 'start', '--home', home, '--port', '0', '--pool-size', '1'], {
      env: cleanEnvironment(),
      stdio: 'ignore',
    });
    const exited = new Promise((done) => child.once('exit', done));
    await until(() => existsSync(join(home, 'drivers')) && readdirSync(join(home, 'drivers')).length > 0, 30_000);
    child.kill('SIGTERM');
    await exited;
    await until(() => processesNaming(home).length === 0, 15_000);
  });
});

describe('health', () => {
  it('answers unsigned, and the AWS files in the home are all that a client needs', async () => {
    server = await startTestServer();
    for (const path of ['live', 'ready']) expect((await fetch(`${server.endpoint}/health/${path}`)).status).toBe(200);
    expect(readFileSync(join(server.home, 'config'), 'utf8')).toContain(`endpoint_url = ${server.endpoint}`);
    expect(readFileSync(join(server.home, 'credentials'), 'utf8')).toContain(server.environment.AWS_ACCESS_KEY_ID);
  });
});

function processesNaming(home: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(home);
    } catch {
      return false;
    }
  });
}
