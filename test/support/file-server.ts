import { execFileSync } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { locateRuntime } from '../../src/runtime/runtime.ts';

/** The files of a folder, served on loopback. */
export interface FileServer extends AsyncDisposable {
  /** `http://127.0.0.1:port` or `https://…` */
  readonly address: string;
  /** Paths that were asked for by GET, and there. */
  readonly served: readonly string[];
}

/** A key with a certificate of its own for 127.0.0.1: a PKCS #12 file, for a server and as what clients trust. */
export interface Identity {
  readonly file: string;
  readonly password: string;
}

/** Makes an identity with Java's own keytool, which every Java has, if not as a program. */
export function makeIdentity(file: string): Identity {
  const password = 'not-a-secret';
  const key = '-genkeypair -alias server -keyalg EC -dname CN=localhost -ext san=ip:127.0.0.1'.split(' ');
  const store = ['-storetype', 'PKCS12', '-keystore', file, '-storepass', password];
  execFileSync(locateRuntime().java, ['sun.security.tools.keytool.Main', ...key, ...store], { stdio: 'ignore' });
  return { file, password };
}

/**
 * @param delayMillis how long each answer takes, so that several clients are at it at once
 * @param identity serves over TLS, as this one
 */
export async function serveFiles(
  folder: string,
  { delayMillis = 0, identity }: { delayMillis?: number; identity?: Identity } = {},
): Promise<FileServer> {
  const served: string[] = [];
  const answer: RequestListener = async (request, response) => {
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
  };
  const server =
    identity === undefined
      ? createServer(answer)
      : createTlsServer({ pfx: readFileSync(identity.file), passphrase: identity.password }, answer);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    address: `${identity === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
