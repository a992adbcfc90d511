import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/server.ts';

const WANTED = 10_000;
/** Descriptors that this process needs for everything else. */
const OTHERS = 500;
const ROUNDS = 10;

let server: TestServer;
const sockets: Socket[] = [];

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await server?.remove();
});

/** Node raises its soft limit to the hard one by itself. */
function descriptors(): number {
  const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}

test(`${WANTED} connections that send nothing, or half of a request, do not keep others out`, async () => {
  const count = Math.min(WANTED, descriptors() - OTHERS);
  if (count < WANTED) console.warn(`This system allows ${count} connections of one process, not ${WANTED}.`);
  const { hostname, port } = new URL(server.endpoint);
  for (let round = 0; round < ROUNDS; round += 1) {
    const opened: Promise<unknown>[] = [];
    for (let index = 0; index < count / ROUNDS; index += 1) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      opened.push(
        new Promise((done) => {
          socket.once('connect', done).once('close', done);
        }),
      );
      if (index % 2 === 1) socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-');
      sockets.push(socket);
    }
    const [{ WorkGroups }] = await Promise.all([server.athena.send(new ListWorkGroupsCommand()), ...opened]);
    expect(WorkGroups).toHaveLength(1);
    await server.s3.send(new ListBucketsCommand());
  }
  const held = sockets.filter((socket) => !socket.closed && !socket.readableEnded).length;
  expect(held).toBeLessThanOrEqual(4096 + 1024);
  expect(server.log()).toContain('idle connections are closed: too many');
  expect(server.process.exitCode).toBeNull();
});
