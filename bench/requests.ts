import { StartSessionCommand } from '@aws-sdk/client-athena';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import autocannon from 'autocannon';
import type { TestServer } from '../test/support/server.ts';
import type { Figure } from './report.ts';

const CONNECTIONS = 64;

/**
 * GetSessionStatus over 64 connections, each request's signature checked in full. The request is signed once and sent again and
 * again: Signature Version 4 knows no nonce, so the server's work is the same and the client's is small.
 */
export async function measureRequests(server: TestServer, seconds: number): Promise<Figure[]> {
  // A session that has ended is as good as any: the row is read all the same.
  const refused = { WorkGroup: 'primary', EngineConfiguration: { SparkProperties: { 'spark.master': 'x' } } };
  const { SessionId } = await server.athena.send(new StartSessionCommand(refused));
  const body = JSON.stringify({ SessionId });
  const { hostname, port } = new URL(server.endpoint);
  const signer = new SignatureV4({
    service: 'athena',
    region: server.environment.AWS_REGION ?? '',
    credentials: {
      accessKeyId: server.environment.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: server.environment.AWS_SECRET_ACCESS_KEY ?? '',
    },
    sha256: Hash.bind(null, 'sha256'),
  });
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: 'http:',
    hostname,
    port: Number(port),
    path: '/',
    headers: {
      host: `${hostname}:${port}`,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AmazonAthena.GetSessionStatus',
    },
    body,
  });
  const load = { url: server.endpoint, method: 'POST', headers, body, connections: CONNECTIONS } as const;
  await autocannon({ ...load, duration: 1 });
  const result = await autocannon({ ...load, duration: seconds });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} refusals, ${result.errors} errors under load`);
  return [
    { name: 'GetSessionStatus, 64 connections', unit: 'requests/s', samples: [result.requests.average] },
    { name: 'GetSessionStatus, 64 connections: latency p99', unit: 'ms', samples: [result.latency.p99] },
  ];
}
