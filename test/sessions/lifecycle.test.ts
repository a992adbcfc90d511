import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  GetSessionCommand,
  ListCalculationExecutionsCommand,
  ListExecutorsCommand,
  ListSessionsCommand,
  StartSessionCommand,
  StopCalculationExecutionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  run,
  startCalculation,
  startIdleSession,
  waitForCalculation,
  waitForSession,
} from '../support/calculations.ts';
import { allOutside, WHO_AM_I } from '../support/processes.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ 'pool-size': '1' });
});
afterAll(async () => {
  await server.remove();
});

/** Processes of this machine whose environment names this server's home: drivers, JVMs and what they started. */
function driverProcesses(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return pid !== server.process.pid && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(home);
      } catch {
        return false;
      }
    });
}

const driverFolders = (home: string) => (existsSync(join(home, 'drivers')) ? readdirSync(join(home, 'drivers')) : []);

describe('a session', () => {
  let sessionId: string;

  beforeAll(async () => {
    sessionId = await startIdleSession(server, {
      Description: 'first',
      EngineConfiguration: {
        MaxConcurrentDpus: 2,
        SparkProperties: {
          'spark.sql.shuffle.partitions': '7',
          'spark.serializer': 'org.apache.spark.serializer.KryoSerializer',
          ignored: 'x',
        },
      },
      SessionIdleTimeoutInMinutes: 10,
    });
  });

  it('is described completely, with the properties as sent', async () => {
    const session = await server.athena.send(new GetSessionCommand({ SessionId: sessionId }));
    expect(session).toMatchObject({
      SessionId: sessionId,
      Description: 'first',
      WorkGroup: 'primary',
      EngineVersion: 'PySpark engine version 3',
      EngineConfiguration: {
        CoordinatorDpuSize: 1,
        MaxConcurrentDpus: 2,
        DefaultExecutorDpuSize: 1,
        SparkProperties: {
          'spark.sql.shuffle.partitions': '7',
          'spark.serializer': 'org.apache.spark.serializer.KryoSerializer',
          ignored: 'x',
        },
      },
      SessionConfiguration: { IdleTimeoutSeconds: 600, SessionIdleTimeoutInMinutes: 10 },
      Status: { State: 'IDLE' },
    });
    expect(session.Status?.StateChangeReason).toBeUndefined();
    expect(session.Status?.StartDateTime?.getTime()).toBeLessThanOrEqual(
      session.Status?.IdleSinceDateTime?.getTime() ?? 0,
    );
    expect(session.Statistics?.DpuExecutionInMillis).toBeGreaterThanOrEqual(0);
  });

  it('runs code on real Spark with those properties, and keeps state between calculations', async () => {
    const first = await run(
      server,
      sessionId,
      "x = spark.conf.get('spark.sql.shuffle.partitions')\nprint(x, sc.getConf().get('spark.serializer'))",
    );
    expect(first.Status?.State).toBe('COMPLETED');
    expect(first.Status?.StateChangeReason).toBeUndefined();
    expect(first.stdout).toBe('7 org.apache.spark.serializer.KryoSerializer\n');
    expect(first.Statistics).toMatchObject({ Progress: '100%' });
    expect(first.Statistics?.DpuExecutionInMillis).toBeGreaterThan(0);
    const second = await run(server, sessionId, 'print(x, spark.range(1000).selectExpr("sum(id)").first()[0])');
    expect(second.stdout).toBe('7 499500\n');
    expect(second.Result?.ResultType).toBe('application/vnd.aws.athena.v1+json');
  });

  it('reads and writes S3 by s3:// and s3a://, pandas and boto3, with keys of its own', async () => {
    const code = `
import boto3, pandas
boto3.client('s3').create_bucket(Bucket='data-of-tests')
spark.range(10).write.mode('overwrite').parquet('s3://data-of-tests/range')
print(spark.read.parquet('s3a://data-of-tests/range').count())
pandas.DataFrame({'a': [1, 2]}).to_csv('s3://data-of-tests/frame.csv', index=False)
print(pandas.read_csv('s3://data-of-tests/frame.csv').a.sum())
print(boto3.client('s3').get_object(Bucket='data-of-tests', Key='frame.csv')['Body'].read().decode().split())
import botocore.session
print(botocore.session.get_session().get_credentials().access_key)`;
    const calculation = await run(server, sessionId, code);
    expect(calculation.stderr).toBe('');
    const [count, sum, rows, key] = calculation.stdout.trim().split('\n');
    expect([count, sum, rows]).toEqual(['10', '3', "['a', '1', '2']"]);
    expect(key).not.toBe(server.environment.AWS_ACCESS_KEY_ID);
  });

  it('may not call Athena with its keys', async () => {
    const calculation = await run(server, sessionId, "import boto3\nboto3.client('athena').list_work_groups()");
    expect(calculation.Status?.State).toBe('FAILED');
    expect(calculation.stderr).toMatch(/AccessDeniedException.*is not authorized to perform: athena:ListWorkGroups/);
  });

  it('fails a calculation with the error in Athena’s form, and stays usable', async () => {
    const failed = await run(server, sessionId, '\nfoobar\n');
    expect(failed.Status).toMatchObject({
      State: 'FAILED',
      StateChangeReason: "NameError: name 'foobar' is not defined",
    });
    expect(failed.stderr.trim()).toBe('File "<stdin>", line 2, in <module>\nNameError: name \'foobar\' is not defined');
    expect((await run(server, sessionId, '1+1')).stdout.trim()).toBe('2');
  });

  it('refuses a calculation while BUSY, in AWS’s words; stops one, and is usable after', async () => {
    const running = await startCalculation(
      server,
      sessionId,
      'import time\nprint("begun", flush=True)\ntime.sleep(300)',
    );
    await expect(startCalculation(server, sessionId, '1')).rejects.toMatchObject({
      name: 'InvalidRequestException',
      message: 'Session is in the BUSY state; needs to be IDLE to accept Calculations.',
    });
    await waitForCalculation(server, running, ['RUNNING']);
    const stopped = await server.athena.send(new StopCalculationExecutionCommand({ CalculationExecutionId: running }));
    expect(stopped.State).toBe('CANCELING');
    expect((await waitForCalculation(server, running)).Status?.State).toBe('CANCELED');
    const again = await server.athena.send(new StopCalculationExecutionCommand({ CalculationExecutionId: running }));
    expect(again.State).toBe('CANCELED');
    expect((await run(server, sessionId, 'print("usable")')).stdout).toBe('usable\n');
  });

  it('stops a Spark job', async () => {
    const code = 'import time\nsc.parallelize(range(4), 4).foreach(lambda _: time.sleep(300))';
    const running = await startCalculation(server, sessionId, code);
    await waitForCalculation(server, running, ['RUNNING']);
    await new Promise((done) => setTimeout(done, 1500));
    await server.athena.send(new StopCalculationExecutionCommand({ CalculationExecutionId: running }));
    expect((await waitForCalculation(server, running)).Status?.State).toBe('CANCELED');
    expect((await run(server, sessionId, 'print(spark.range(5).count())')).stdout).toBe('5\n');
  });

  it('is listed, and has its coordinator', async () => {
    const listed = await server.athena.send(new ListSessionsCommand({ WorkGroup: 'primary', StateFilter: 'IDLE' }));
    expect(listed.Sessions?.map((session) => session.SessionId)).toEqual([sessionId]);
    const { ExecutorsSummary } = await server.athena.send(new ListExecutorsCommand({ SessionId: sessionId }));
    expect(ExecutorsSummary?.map((executor) => executor.ExecutorType)).toContain('COORDINATOR');
  });

  it('leaves no process and no file when it is terminated, and its calculation CANCELED with what it put out', async () => {
    const folders = driverFolders(server.home);
    expect(folders.length).toBeGreaterThan(0);
    const running = await startCalculation(server, sessionId, 'print("begun"); time.sleep(300)');
    await waitForCalculation(server, running, ['RUNNING']);
    await new Promise((done) => setTimeout(done, 500));
    expect((await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }))).State).toBe('TERMINATING');
    const status = await waitForSession(server, sessionId, ['TERMINATED']);
    expect(status.StateChangeReason).toBe('Session was terminated per request');
    expect(status.EndDateTime).toBeInstanceOf(Date);
    expect((await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }))).State).toBe('TERMINATED');
    await expect(startCalculation(server, sessionId, '1')).rejects.toThrow(/TERMINATED/);
    expect(await waitForCalculation(server, running)).toMatchObject({
      Status: { State: 'CANCELED', StateChangeReason: 'Calculation was canceled because the session was terminated' },
      stdout: 'begun\n',
    });
    const ended = await server.athena.send(new ListExecutorsCommand({ SessionId: sessionId }));
    expect(ended.ExecutorsSummary).toMatchObject([{ ExecutorType: 'COORDINATOR', ExecutorState: 'TERMINATED' }]);
  });
});

describe('a session that is left alone', () => {
  let sessionId: string;

  // While it waits, the tests below run.
  beforeAll(async () => {
    sessionId = await startIdleSession(server, { SessionIdleTimeoutInMinutes: 1 });
    await run(server, sessionId, 'import time; time.sleep(5)');
  });

  describe('a session that cannot start', () => {
    it('is FAILED, and the reason names the restricted property', async () => {
      const started = startIdleSession(server, {
        EngineConfiguration: { SparkProperties: { 'spark.master': 'local[64]' } },
      });
      await expect(started).rejects.toThrow(/FAILED: Restricted Spark properties cannot be set: spark.master/);
    });

    it('is FAILED with Spark’s own sentence for a value that Spark refuses', async () => {
      const started = startIdleSession(server, {
        EngineConfiguration: { SparkProperties: { 'spark.executor.cores': '-1' } },
      });
      await expect(started).rejects.toThrow(/FAILED: .*(executor|cores)/i);
    });
  });

  describe('a ClientRequestToken', () => {
    it('starts one session, however often it is sent, and is good for one set of parameters', async () => {
      const request = {
        WorkGroup: 'primary',
        EngineConfiguration: { MaxConcurrentDpus: 2 },
        ClientRequestToken: randomUUID(),
      };
      const replies = await Promise.all(
        Array.from({ length: 4 }, () => server.athena.send(new StartSessionCommand(request))),
      );
      const ids = new Set(replies.map((reply) => reply.SessionId));
      expect(ids.size).toBe(1);
      await expect(
        server.athena.send(new StartSessionCommand({ ...request, EngineConfiguration: { MaxConcurrentDpus: 3 } })),
      ).rejects.toMatchObject({ name: 'InvalidRequestException' });
      const [SessionId] = [...ids];
      // Terminated while its driver is being made.
      await server.athena.send(new TerminateSessionCommand({ SessionId }));
      expect((await waitForSession(server, SessionId as string, ['TERMINATED', 'FAILED'])).State).toBe('TERMINATED');
    });
  });

  describe('a driver that dies', () => {
    it.each(['python', 'java'])(
      'makes its session FAILED at once, and its calculation with it (%s)',
      async (program) => {
        const sessionId = await startIdleSession(server);
        const code = `${WHO_AM_I.slice(0, -1)}, sc._gateway.jvm.java.lang.ProcessHandle.current().pid())`;
        const [python, java] = allOutside((await run(server, sessionId, code)).stdout);
        const running = await startCalculation(
          server,
          sessionId,
          'import time; print("before the end"); time.sleep(300)',
        );
        await waitForCalculation(server, running, ['RUNNING']);
        await new Promise((done) => setTimeout(done, 1000));
        process.kill((program === 'python' ? python : java) as number, 'SIGKILL');
        const status = await waitForSession(server, sessionId, ['FAILED']);
        expect(status.StateChangeReason).toMatch(/driver/i);
        const calculation = await waitForCalculation(server, running);
        expect(calculation.Status?.State).toBe('FAILED');
        expect(calculation.Status?.StateChangeReason).toMatch(/driver/i);
        await until(async () => (await waitForCalculation(server, running)).stdout === 'before the end\n', 10_000);
        await expect(startCalculation(server, sessionId, '1')).rejects.toThrow(/FAILED/);
        await until(() => !driverProcesses(server.home).some((pid) => pid === python || pid === java), 10_000);
      },
    );
  });

  it('ends after its own timeout, with AWS’s reason, and not before', async () => {
    const status = await waitForSession(server, sessionId, ['TERMINATED', 'FAILED']);
    expect(status).toMatchObject({ State: 'TERMINATED', StateChangeReason: 'Session was terminated per request' });
    const { Calculations } = await server.athena.send(new ListCalculationExecutionsCommand({ SessionId: sessionId }));
    const lastUse = Calculations?.[0]?.Status?.CompletionDateTime;
    expect(Number(status.EndDateTime) - Number(lastUse)).toBeGreaterThanOrEqual(60_000);
  });
});

describe('the end of the server', () => {
  it('in order terminates sessions and leaves no process and no driver folder', async () => {
    const other = await startTestServer();
    const sessionId = await startIdleSession(other);
    expect(driverProcesses(other.home).length).toBeGreaterThan(0);
    expect(await other.stop('SIGTERM')).toBe(0);
    expect(driverProcesses(other.home)).toEqual([]);
    expect(driverFolders(other.home)).toEqual([]);
    const again = await startTestServer({}, other.home);
    const status = await waitForSession(again, sessionId, ['TERMINATED']);
    expect(status.StateChangeReason).toBe('The server was stopped');
    await again.remove();
  });

  it('by SIGKILL, and a next start at another address, closes sessions with the reason, and ends their drivers', async () => {
    const other = await startTestServer();
    const request = {
      WorkGroup: 'primary',
      EngineConfiguration: { MaxConcurrentDpus: 2 },
      ClientRequestToken: randomUUID(),
    };
    const { SessionId } = await other.athena.send(new StartSessionCommand(request));
    await waitForSession(other, SessionId as string, ['IDLE']);
    const { SessionId: starting } = await other.athena.send(
      new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: {} }),
    );
    await other.stop('SIGKILL');
    const again = await startTestServer({}, other.home);
    const status = await waitForSession(again, SessionId as string, ['FAILED']);
    expect(status.StateChangeReason).toMatch(/^The server stopped while the session was active/);
    const never = await waitForSession(again, starting as string, ['FAILED']);
    expect(never.StateChangeReason).toMatch(/^The server stopped while the session was being started/);
    await until(() => driverProcesses(other.home).filter((pid) => pid !== again.process.pid).length === 0, 10_000);
    expect(driverFolders(other.home)).toEqual([]);
    // The token still knows what it started.
    expect((await again.athena.send(new StartSessionCommand(request))).SessionId).toBe(SessionId);
    await again.remove();
  });
});
