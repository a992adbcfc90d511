import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { certifiedHost, readTlsIdentity, type TlsIdentity, watchTlsFiles } from '../../src/wire/tls.ts';
import { makeCertificate, type TestCertificate } from '../support/certificate.ts';
import { until } from '../support/server.ts';
import { startServer } from './support.ts';

const LOOK_MILLIS = 20;

function filesWith(pair: TestCertificate) {
  const folder = mkdtempSync(join(tmpdir(), 'parthenon-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const put = (path: string, text: string) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  const putPair = (next: TestCertificate) => {
    put(files.certificate, next.certificate);
    put(files.key, next.key);
  };
  putPair(pair);
  return { files, put, putPair };
}

const identityOf = ({ certificate: cert, key }: TestCertificate): TlsIdentity => ({ cert, key });

async function statusOf(port: number, ca: string): Promise<number | undefined> {
  const call = request({ host: '127.0.0.1', port, path: '/health/live', ca, agent: false });
  call.end();
  const [response] = await once(call, 'response');
  response.resume();
  return response.statusCode;
}

test('a server with a certificate serves over TLS', async () => {
  const pair = makeCertificate();
  const { port } = await startServer({ tls: identityOf(pair) });
  expect(await statusOf(port, pair.certificate)).toBe(200);
  await expect(statusOf(port, makeCertificate().certificate)).rejects.toThrow(/self-signed certificate/);
});

test('what speaks no TLS to it is hung up on, and harms nobody', async () => {
  const pair = makeCertificate();
  const { port } = await startServer({ tls: identityOf(pair) });
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.end('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += String(chunk);
  });
  await once(socket, 'close');
  expect(answer).not.toContain('live');
  expect(await statusOf(port, pair.certificate)).toBe(200);
});

test('TLS before 1.2 is refused', async () => {
  const pair = makeCertificate();
  const { port } = await startServer({ tls: identityOf(pair) });
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    ca: pair.certificate,
    maxVersion: 'TLSv1.1',
    minVersion: 'TLSv1',
  });
  const [error] = await once(socket, 'error');
  expect(error).toBeInstanceOf(Error);
});

test('its own sessions are served without TLS, on the loopback interface', async () => {
  const { server } = await startServer({ tls: identityOf(makeCertificate()) });
  const port = await server.listenPlainly(0);
  expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);
});

test('a changed certificate is shown from the next connection on; one that cannot be used is not taken', async () => {
  const [first, second] = [makeCertificate(), makeCertificate()];
  const { files, put, putPair } = filesWith(first);
  const { server, port } = await startServer({ tls: readTlsIdentity(files) });
  const problems: Error[] = [];
  onTestFinished(watchTlsFiles(files, server.changeTls, (error) => problems.push(error), LOOK_MILLIS));
  put(files.certificate, second.certificate);
  await until(() => problems.length === 1, 10_000);
  expect(problems[0]?.message).toContain('is not the one of the certificate');
  expect(await statusOf(port, first.certificate)).toBe(200);
  putPair(second);
  await until(async () => (await statusOf(port, second.certificate).catch(() => 0)) === 200, 10_000);
  await expect(statusOf(port, first.certificate)).rejects.toThrow();
});

test('files that are no certificate are told with their names', () => {
  const { files, put } = filesWith(makeCertificate());
  put(files.key, makeCertificate().key);
  expect(() => readTlsIdentity(files)).toThrow(
    /cert\.pem .*key\.pem cannot be used: the key is not the one of the certificate/,
  );
  put(files.key, 'rubbish');
  expect(() => readTlsIdentity(files)).toThrow(/cert\.pem .*key\.pem cannot be used: /);
  rmSync(files.key);
  expect(() => readTlsIdentity(files)).toThrow(/tlsKey: ENOENT/);
});

test('clients are sent to a name that the certificate holds', () => {
  const named = identityOf(makeCertificate({ dns: ['*.example.org', 'athena.example.org'] }));
  const both = identityOf(makeCertificate({ dns: ['athena.example.org'], ip: ['127.0.0.1'] }));
  expect(certifiedHost(named, '127.0.0.1')).toBe('athena.example.org');
  expect(certifiedHost(named, 'spark.example.org')).toBe('spark.example.org');
  expect(certifiedHost(both, '127.0.0.1')).toBe('127.0.0.1');
  expect(certifiedHost(both, '[::1]')).toBe('athena.example.org');
});
