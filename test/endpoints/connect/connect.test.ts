import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import {
  AthenaClient,
  GetSessionCommand,
  GetSessionEndpointCommand,
  StartSessionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyRing } from '../../../src/access/keys.ts';
import { SessionTokens } from '../../../src/endpoints/session-tokens.ts';
import { documentedSamples } from '../../spark/documented-samples.ts';
import { run, sessionState, startIdleSession, waitForSession } from '../../support/calculations.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { newHome, startTestServer, type TestServer, until } from '../../support/server.ts';
import { type Endpoint, runClient, startClient, suite } from './client.ts';

/** A server with a certificate, which serves sessions of this machine without: one server for both. */
let server: TestServer;
let ca: string;
let certificate: string;
let sessionId: string;
/** A streaming query runs in it, and its client has gone. */
let streaming: { readonly id: string; readonly since: number };

async function start(home: string, port = '0'): Promise<TestServer> {
  const key = join(home, 'key.pem');
  const started = await startTestServer({ 'tls-certificate': ca, 'tls-key': key, catalog: 'on', port }, home);
  const client = {
    endpoint: started.endpoint,
    region: 'us-east-1',
    credentials: {
      accessKeyId: started.environment.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: started.environment.AWS_SECRET_ACCESS_KEY ?? '',
    },
    requestHandler: { httpsAgent: new Agent({ ca: certificate }) },
    maxAttempts: 1,
  };
  return { ...started, athena: new AthenaClient(client), s3: new S3Client({ ...client, forcePathStyle: true }) };
}

beforeAll(async () => {
  const home = newHome();
  const pair = makeCertificate();
  certificate = pair.certificate;
  ca = join(home, 'cert.pem');
  writeFileSync(ca, certificate);
  writeFileSync(join(home, 'key.pem'), pair.key);
  server = await start(home);
  sessionId = await startIdleSession(server);
  const id = await startIdleSession(server, { SessionIdleTimeoutInMinutes: 1 });
  await runClient(
    await endpointOf(id),
    'spark.readStream.format("rate").load().writeStream.format("noop").start(); import os; os._exit(0)',
  );
  streaming = { id, since: Date.now() };
});
afterAll(async () => await server.remove());

async function endpointOf(SessionId: string): Promise<Required<Endpoint>> {
  const { EndpointUrl = '', AuthToken = '' } = await server.athena.send(new GetSessionEndpointCommand({ SessionId }));
  return { url: EndpointUrl, token: AuthToken, ca };
}

/** The port of this machine's own sessions, which has no TLS. */
function plainly({ token }: Endpoint): Endpoint {
  const port = readFileSync(join(server.home, 'sessions-port'), 'utf8').trim();
  const plain = `http://127.0.0.1:${port}`;
  return { token, url: plain };
}

describe('GetSessionEndpoint', () => {
  it('answers address and token together, and each time a new token', async () => {
    const before = Date.now();
    const answers = await Promise.all(
      [1, 2].map(() => server.athena.send(new GetSessionEndpointCommand({ SessionId: sessionId }))),
    );
    for (const { EndpointUrl, AuthToken, AuthTokenExpirationTime } of answers) {
      expect(EndpointUrl).toBe(server.endpoint);
      expect(AuthToken).toMatch(/^[\w-]{72}$/);
      const lifetime = (AuthTokenExpirationTime?.getTime() ?? 0) - before;
      expect(lifetime).toBeGreaterThanOrEqual(30 * 60_000);
      expect(lifetime).toBeLessThan(31 * 60_000);
    }
  });

  it('knows no session that is not there', async () => {
    const SessionId = randomUUID();
    const call = server.athena.send(new GetSessionEndpointCommand({ SessionId }));
    await expect(call).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});

describe('a session', () => {
  it('does by PySpark’s own client, over TLS, all that the suite asks', async () => {
    const client = startClient(await endpointOf(sessionId), [suite, join(server.home, 'data')]);
    await client.ended();
    const failures = client.output().match(/^failed .*/gm);
    if (failures !== null || client.process.exitCode !== 0) throw new Error(client.output());
    expect(client.output().match(/^ok test_/gm)).toHaveLength(12);
  });

  it('gives the answers that Spark’s own examples for it show', async () => {
    const modules = ['column', 'group', 'window', 'session'];
    const client = startClient(await endpointOf(sessionId), ['spark_suite.py', ...modules]);
    await client.ended();
    const counts = [...client.output().matchAll(/^pyspark\.sql\.connect\.(\w+) (\d+) (\d+)/gm)];
    expect(
      counts.map(([, name, failed]) => [name, failed]),
      client.output(),
    ).toEqual(modules.map((name) => [name, '0']));
    expect(counts.reduce((sum, [, , , attempted]) => sum + Number(attempted), 0)).toBe(199);
  });

  it('shows calculations and clients the same tables, global views and application', async () => {
    const made =
      'spark.range(3).write.saveAsTable("by_calculation"); spark.range(4).createOrReplaceGlobalTempView("ours")';
    expect((await run(server, sessionId, made)).Status?.State).toBe('COMPLETED');
    const seen = 'print(spark.table("by_calculation").count(), spark.table("global_temp.ours").count())';
    const more = 'spark.range(5).createOrReplaceGlobalTempView("theirs"); print(spark.conf.get("spark.app.id"))';
    const output = await runClient(plainly(await endpointOf(sessionId)), `${seen}\n${more}`);
    expect(output.trim().split('\n').slice(-2)).toEqual(['3 4', sessionId]);
    expect((await run(server, sessionId, 'print(spark.table("global_temp.theirs").count())')).stdout).toBe('5\n');
  });

  it('finds the packages that a calculation has installed', async () => {
    const module =
      'import sysconfig, pathlib; pathlib.Path(sysconfig.get_path("purelib"), "own_package.py").write_text("X = 7")';
    await run(server, sessionId, module);
    const code = `from pyspark.sql.functions import udf
def own(_):
    import own_package
    return own_package.X
print(spark.range(1).select(udf(own, "int")("id")).first()[0])`;
    expect(await runClient(plainly(await endpointOf(sessionId)), code)).toMatch(/^7$/m);
  });

  it('stays IDLE while a client’s query runs, and is then idle from its end on', async () => {
    const idleSince = async () => {
      const { Status } = await server.athena.send(new GetSessionCommand({ SessionId: sessionId }));
      expect(Status?.State).toBe('IDLE');
      return Status?.IdleSinceDateTime?.getTime() ?? 0;
    };
    const before = await idleSince();
    const client = startClient(await endpointOf(sessionId), ['-c', SLEEPS]);
    await client.printed('begins');
    await until(async () => (await idleSince()) > before, 30_000);
    client.process.kill('SIGKILL');
    await client.ended();
  });
});

const SLEEPS = `from remote import session
spark = session()
print("begins")
print(spark.sql("SELECT java_method('java.lang.Thread', 'sleep', 12000L)").collect())
print("still there")`;

/** A call by gRPC alone, as a client makes it that is not PySpark's. */
const RAW = `import grpc, sys, uuid
import pyspark.sql.connect.proto as pb
from pyspark.sql.connect.proto import base_pb2_grpc
host, *headers = sys.argv[1:]
stub = base_pb2_grpc.SparkConnectServiceStub(grpc.insecure_channel(host))
request = pb.AnalyzePlanRequest(session_id=str(uuid.uuid4()), spark_version=pb.AnalyzePlanRequest.SparkVersion())
for header in headers:
    try:
        print(stub.AnalyzePlan(request, metadata=[tuple(header.split("=", 1))] if header else [], timeout=20).spark_version.version)
    except grpc.RpcError as error:
        print(error.code().name, error.details())`;

describe('a token', () => {
  it('opens its own session; none, a forged and an expired one open nothing', async () => {
    const { url, token = '' } = plainly(await endpointOf(sessionId));
    const ring = new KeyRing({ home: server.home, accountId: '123456789012', findSession: async () => undefined });
    const expired = new SessionTokens(ring.derivedKey('connect'), 0).issue(sessionId).token;
    const forged = `${token.slice(0, -2)}AA`;
    const gone = new SessionTokens(ring.derivedKey('connect'), 60_000).issue(randomUUID()).token;
    const name = 'x-aws-proxy-auth';
    const headers = [
      `${name}=${token}`,
      `authorization=Bearer ${token}`,
      '',
      `${name}=${forged}`,
      `${name}=${expired}`,
      `${name}=${gone}`,
    ];
    const client = startClient({ url, token }, ['-c', RAW, new URL(url).host, ...headers]);
    expect(await client.ended(), client.output()).toBe(0);
    expect(client.output().trim().split('\n')).toEqual([
      '3.5.7',
      '3.5.7',
      expect.stringMatching(/^UNAUTHENTICATED No token: GetSessionEndpoint gives one/),
      'UNAUTHENTICATED The token is not one of this server.',
      'UNAUTHENTICATED The token has expired: GetSessionEndpoint gives a new one.',
      expect.stringMatching(/^FAILED_PRECONDITION Session not active: /),
    ]);
  });

  it('that is wrong is told by PySpark’s client as well', async () => {
    const endpoint = plainly(await endpointOf(sessionId));
    await expect(runClient({ ...endpoint, token: 'nonsense' }, 'spark.range(1).count()')).rejects.toThrow(
      /UNAUTHENTICATED|The token is not one of this server/,
    );
  });

  it('is good in a server that comes after a killed one, and so is a query that ran meanwhile', async () => {
    const endpoint = await endpointOf(sessionId);
    const client = startClient(endpoint, ['-c', SLEEPS]);
    await client.printed('begins');
    await until(async () => (await run(server, sessionId, JOBS)).stdout !== '0\n', 30_000);
    await server.stop('SIGKILL');
    server = await start(server.home, new URL(server.endpoint).port);
    expect(await client.ended(), client.output()).toBe(0);
    expect(client.output()).toContain('still there');
    expect(await runClient(endpoint, 'print(spark.range(9).count())')).toMatch(/^9$/m);
  });
});

/** How many queries of clients the session's JVM knows. */
const JOBS = 'print(int(sc._jvm.parthenon.connect.ConnectServer.works()))';

describe('the port in the session’s JVM', () => {
  it('refuses whoever does not come through the server, and listens on the loopback interface alone', async () => {
    await endpointOf(sessionId);
    const port = 'print(get_ipython().kernel._questions._spark_connect._address["port"])';
    const listens = (await run(server, sessionId, port)).stdout.trim();
    expect(listens).toMatch(/^\d+$/);
    const hex = Number(listens).toString(16).toUpperCase().padStart(4, '0');
    const sockets = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/net/${name}`, 'utf8').split('\n'));
    const listening = sockets.filter((line) => new RegExp(`:${hex} .* 0A `).test(line));
    expect(listening).toHaveLength(1);
    expect(listening[0]).toMatch(/ (0100007F|0{16}FFFF00000100007F):/);
    const endpoint = { url: `http://127.0.0.1:${listens}`, token: 'x' };
    const headers = ['', 'x-parthenon-secret=guess'];
    const client = startClient(endpoint, ['-c', RAW, `127.0.0.1:${listens}`, ...headers]);
    expect(await client.ended(), client.output()).toBe(0);
    expect(client.output().match(/^UNAUTHENTICATED /gm)).toHaveLength(2);
  });
});

describe('a session’s end', () => {
  it('ends what its clients stream with a clear status, and its endpoint', async () => {
    const endpoint = await endpointOf(sessionId);
    const code = `slow = "java_method('java.lang.Thread', 'sleep', 100L)"
rows = spark.range(0, 10_000, 1, 10_000).selectExpr("id", slow).toLocalIterator()
next(rows)
print("streams")
for row in rows:
    pass`;
    const client = startClient(endpoint, ['-c', `from remote import session\nspark = session()\n${code}`]);
    await client.printed('streams');
    await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
    expect(await client.ended()).toBe(1);
    expect(client.output()).toContain('Session not active');
    expect(client.output()).toContain('Session was terminated per request');
    await waitForSession(server, sessionId, ['TERMINATED']);
    await expect(endpointOf(sessionId)).rejects.toMatchObject({
      name: 'InvalidRequestException',
      message: expect.stringMatching(/^Session not active/),
    });
    await expect(runClient(endpoint, 'spark.range(1).count()')).rejects.toThrow(/Session not active/);
  });

  it('by the death of its JVM is told as that', async () => {
    sessionId = await startIdleSession(server, { EngineConfiguration: {} });
    const client = startClient(await endpointOf(sessionId), ['-c', SLEEPS]);
    await client.printed('begins');
    await until(async () => (await run(server, sessionId, JOBS)).stdout !== '0\n', 30_000);
    await run(server, sessionId, 'import os, signal; os.kill(sc._gateway.proc.pid, signal.SIGKILL)').catch(
      () => undefined,
    );
    expect(await client.ended()).toBe(1);
    expect(client.output()).toMatch(/Session not active: .*FAILED/s);
  });
});

describe('a session in which a client has left a streaming query', () => {
  it('outlives its idle timeout', async () => {
    await until(() => Date.now() > streaming.since + 66_000, 70_000);
    expect(await sessionState(server, streaming.id)).toBe('IDLE');
  });
});

describe('the page', () => {
  it('shows what works, by boto3 and PySpark alone', async () => {
    const [sample] = documentedSamples('spark-connect.md').samples;
    const client = startClient({ url: server.endpoint, ca }, ['-c', sample?.code ?? ''], {
      ...server.environment,
      AWS_CA_BUNDLE: ca,
    });
    expect(await client.ended(), client.output()).toBe(0);
    expect(client.output()).toBe(sample?.prints);
  });
});

describe('a session that is being started', () => {
  it('has its endpoint waited for', async () => {
    const { SessionId = '' } = await server.athena.send(
      new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: {} }),
    );
    const endpoint = await endpointOf(SessionId);
    expect(endpoint.token).toMatch(/^[\w-]{72}$/);
    await server.athena.send(new TerminateSessionCommand({ SessionId }));
    await waitForSession(server, SessionId, ['TERMINATED']);
  });
});
