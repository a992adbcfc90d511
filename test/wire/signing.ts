import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AccessKey, AccessKeys } from '../../src/access/principal.ts';
import type { SignedRequest } from '../../src/wire/sigv4-parse.ts';

export const REGION = 'eu-central-1';
export const NOW = new Date('2026-03-01T12:00:00Z');

export const ADMINISTRATOR: AccessKey = {
  accessKeyId: 'AKIDADMINISTRATOR',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  principal: { arn: 'arn:aws:iam::123456789012:root', accountId: '123456789012', kind: 'administrator' },
};

export const TEMPORARY: AccessKey = {
  accessKeyId: 'ASIATEMPORARY',
  secretAccessKey: 'temporary/secret',
  sessionToken: 'token/with+signs==',
  expiresAt: new Date(NOW.getTime() + 3_600_000),
  principal: {
    arn: 'arn:aws:sts::123456789012:assumed-role/sessions/s-1',
    accountId: '123456789012',
    kind: 'session',
    sessionId: 's-1',
  },
};

export const keys: AccessKeys = {
  find: async (accessKeyId) => [ADMINISTRATOR, TEMPORARY].find((key) => key.accessKeyId === accessKeyId),
};

/** Node's hash in the form that the SDK's signer takes. */
export class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    if (secret === undefined) this.#hash = createHash('sha256');
    else this.#hash = createHmac('sha256', typeof secret === 'string' ? secret : Buffer.from(secret as Uint8Array));
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#hash.digest());
  }

  reset(): void {}
}

export interface Plain {
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[]>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface SignOptions {
  readonly key?: AccessKey;
  readonly service?: string;
  readonly region?: string;
  readonly date?: Date;
  /** Presigns when given. */
  readonly expiresIn?: number;
}

/** Signs as the SDK for JavaScript does, and returns what a server would read off the wire. */
export async function sign(plain: Plain, options: SignOptions = {}): Promise<SignedRequest> {
  const { key = ADMINISTRATOR, service = 'athena', region = REGION, date = NOW, expiresIn } = options;
  const { accessKeyId, secretAccessKey, sessionToken } = key;
  const signer = new SignatureV4({
    credentials: { accessKeyId, secretAccessKey, sessionToken },
    region,
    service,
    sha256: Sha256,
    uriEscapePath: service !== 's3',
    applyChecksum: service === 's3',
  });
  const request = {
    protocol: 'http:',
    hostname: 'parthenon.test',
    ...plain,
    query: plain.query === undefined ? undefined : { ...plain.query },
    headers: { host: 'parthenon.test', ...plain.headers },
  };
  const signed = expiresIn
    ? await signer.presign(request, { signingDate: date, expiresIn })
    : await signer.sign(request, { signingDate: date });
  const headers = Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    method: signed.method,
    path: signed.path,
    rawQuery: rawQueryOf(signed.query ?? {}),
    headers: Object.fromEntries(headers),
  };
}

function rawQueryOf(query: Readonly<Record<string, string | string[] | null>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value ?? ''].flat().map((one) => [name, one]));
  return pairs.map(([name = '', value = '']) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
}

export function sha256(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}
