import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The files of a folder, served over HTTP on loopback. */
export interface FileServer extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly address: string;
  /** Paths that were asked for by GET, and there. */
  readonly served: readonly string[];
}

/** @param delayMillis how long each answer takes, so that several clients are at it at once */
export async function serveFiles(folder: string, delayMillis = 0): Promise<FileServer> {
  const served: string[] = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = join(folder, decodeURIComponent(pathname));
    const found = await stat(path).catch(() => undefined);
    await sleep(delayMillis);
    if (!found?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': found.size, 'last-modified': found.mtime.toUTCString() });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    served.push(pathname);
    createReadStream(path).pipe(response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
