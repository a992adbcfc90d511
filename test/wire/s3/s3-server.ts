import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessKey } from '../../../src/access/principal.ts';
import { EmbeddedStore } from '../../../src/objects/embedded/embedded-store.ts';
import { createS3Handler } from '../../../src/wire/s3/handler.ts';
import { createSignatureVerifier } from '../../../src/wire/sigv4.ts';

export const REGION = 'us-east-1';
const ACCOUNT = '123456789012';

export const ADMINISTRATOR: AccessKey = {
  accessKeyId: 'AKIAADMINISTRATOR000',
  secretAccessKey: 'administrator/secret+0123456789abcdefghij',
  principal: { arn: `arn:aws:iam::${ACCOUNT}:root`, accountId: ACCOUNT, kind: 'administrator' },
};

export const SESSION: AccessKey = {
  accessKeyId: 'ASIASESSION000000000',
  secretAccessKey: 'session/secret+0123456789abcdefghijklmnop',
  sessionToken: 'token+of/the=session',
  principal: {
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/parthenon/0d7e8f6a-0000-4000-8000-000000000000`,
    accountId: ACCOUNT,
    kind: 'session',
    sessionId: '0d7e8f6a-0000-4000-8000-000000000000',
  },
};

export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly port: number;
  readonly folder: string;
  readonly store: EmbeddedStore;
  /** What the handler logged as unexpected; empty in a run without faults. */
  readonly unexpected: readonly object[];
  close(): Promise<void>;
}

export interface S3ServerOptions {
  /** Kept on close when given. */
  readonly folder?: string;
  readonly port?: number;
  readonly region?: string;
}

/** A real server on a free port of the loopback interface, over a real store. */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'parthenon-s3-'));
  const store = await EmbeddedStore.open(folder);
  const region = options.region ?? REGION;
  const keys = new Map([ADMINISTRATOR, SESSION].map((key) => [key.accessKeyId, key]));
  const accessKeys = { find: async (id: string) => keys.get(id) };
  const verifier = createSignatureVerifier({ keys: accessKeys, region, services: ['s3'] });
  const unexpected: object[] = [];
  const logger = {
    error: (context: object, message: string): void => {
      unexpected.push(context);
      console.error(message, context);
    },
  };
  const handler = createS3Handler({ store, verifier, keys: accessKeys, region, logger, virtualHosts: ['localhost'] });
  const server: Server = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await store.close();
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    folder,
    store,
    unexpected,
    close,
    [Symbol.asyncDispose]: close,
  };
}
