import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { GetSessionEndpointCommand, TerminateSessionCommand } from '@aws-sdk/client-athena';
import { locateRuntime } from '../src/runtime/runtime.ts';
import { run, startIdleSession, waitForSession } from '../test/support/calculations.ts';
import { cleanEnvironment, type TestServer } from '../test/support/server.ts';
import { baselineOf, type Figure, sample } from './report.ts';

const SCRIPT = resolve(import.meta.dirname, 'connect.py');

/** What Spark sends faster than its client takes it stays in the driver's memory. */
const MEMORY = { 'spark.driver.memory': '4g' };

interface Samples {
  /** Milliseconds. */
  readonly queries: readonly number[];
  /** Seconds. */
  readonly arrow: readonly number[];
}

/**
 * PySpark's own client through the server, against the same client at the port in the session's JVM, which only who knows its secret
 * may use: queries and results in turn, so that both see the same machine.
 */
export async function measureConnect(server: TestServer, queries: number, megabytes: number): Promise<Figure[]> {
  const properties = { EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties: MEMORY } };
  const SessionId = await startIdleSession(server, properties);
  const first = await sample(1, () => server.athena.send(new GetSessionEndpointCommand({ SessionId })));
  const again = await sample(20, () => server.athena.send(new GetSessionEndpointCommand({ SessionId })));
  const { EndpointUrl = '', AuthToken } = await server.athena.send(new GetSessionEndpointCommand({ SessionId }));
  const urls = [
    await ownUrl(server, SessionId),
    `${EndpointUrl.replace(/^http/, 'sc')}/;x-aws-proxy-auth=${AuthToken}`,
  ];
  const { stdout } = await promisify(execFile)(
    locateRuntime().python,
    [SCRIPT, ...urls, String(queries), String(megabytes)],
    { env: cleanEnvironment() },
  );
  const [direct, proxied] = JSON.parse(stdout) as [Samples, Samples];
  await server.athena.send(new TerminateSessionCommand({ SessionId }));
  await waitForSession(server, SessionId, ['TERMINATED']);
  const arrow = `${megabytes} MB of Arrow to PySpark's client`;
  return [
    { name: 'GetSessionEndpoint, the first of a session', unit: 'ms', samples: first },
    { name: 'GetSessionEndpoint, later ones', unit: 'ms', samples: again },
    { name: 'Spark Connect, `SELECT 1`, no server between', unit: 'ms', samples: direct.queries },
    {
      name: 'Spark Connect, `SELECT 1`, through the server',
      unit: 'ms',
      samples: proxied.queries,
      baseline: baselineOf('the same without it', direct.queries),
    },
    { name: `${arrow}, no server between`, unit: 's', samples: direct.arrow },
    {
      name: `${arrow}, through the server`,
      unit: 's',
      samples: proxied.arrow,
      baseline: baselineOf('the same without it', direct.arrow),
    },
  ];
}

/** The session's own port, as its own code may tell. */
async function ownUrl(server: TestServer, sessionId: string): Promise<string> {
  const code = 'import json; print(json.dumps(get_ipython().kernel._questions._spark_connect._address))';
  const { port, secret } = JSON.parse((await run(server, sessionId, code)).stdout);
  return `sc://127.0.0.1:${port}/;x-parthenon-secret=${secret}`;
}
