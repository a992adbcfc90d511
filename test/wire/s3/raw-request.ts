import { createHash, createHmac, hash } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { ADMINISTRATOR, REGION, type S3Server } from './s3-server.ts';

export interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** `<Code>` of an error. */
  readonly code: string | undefined;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly query?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** `x-amz-content-sha256`; the body's own unless told. */
  readonly contentSha256?: string;
  readonly date?: Date;
}

export interface SignedRaw {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
}

class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Buffer);
  }
  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {}
}

const signer = new SignatureV4({
  service: 's3',
  region: REGION,
  credentials: ADMINISTRATOR,
  sha256: Sha256 as never,
  uriEscapePath: false,
});

/** Signs by AWS's own signer, so that a test can spoil what was signed. */
export async function sign(server: S3Server, raw: RawRequest): Promise<SignedRaw> {
  const { method = 'GET', path, query = {}, headers = {}, body = '' } = raw;
  const signed = await signer.sign(
    {
      method,
      path,
      query,
      protocol: 'http:',
      hostname: '127.0.0.1',
      headers: {
        host: `127.0.0.1:${server.port}`,
        'x-amz-content-sha256': raw.contentSha256 ?? hash('sha256', body),
        ...headers,
      },
    },
    { signingDate: raw.date ?? new Date() },
  );
  return { method, path, query, headers: signed.headers };
}

/** Sends exactly this, and reads the reply. */
export async function send(server: S3Server, signed: SignedRaw, body: string | Buffer = ''): Promise<RawReply> {
  const query = new URLSearchParams(signed.query).toString().replaceAll('+', '%20');
  const path = query === '' ? signed.path : `${signed.path}?${query}`;
  const bytes = Buffer.from(body);
  const length = 'content-length' in signed.headers || bytes.length === 0 ? {} : { 'content-length': bytes.length };
  const options = { port: server.port, host: '127.0.0.1', method: signed.method, path, agent: false } as const;
  return await new Promise((resolve, reject) => {
    const outgoing = request({ ...options, headers: { ...signed.headers, ...length } }, async (incoming) => {
      const text = Buffer.concat(await incoming.toArray()).toString();
      const code = /<Code>(.*?)<\/Code>/.exec(text)?.[1];
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text, code });
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

export async function call(server: S3Server, raw: RawRequest): Promise<RawReply> {
  return await send(server, await sign(server, raw), raw.body);
}

/** A body in signed chunks, made as AWS documents it and not by the code under test. */
export function signedChunks(
  signed: SignedRaw,
  chunks: readonly Buffer[],
  trailers: Readonly<Record<string, string>> = {},
): Buffer {
  const date = signed.headers['x-amz-date'] as string;
  const scope = `${date.slice(0, 8)}/${REGION}/s3/aws4_request`;
  let key: string | Buffer = `AWS4${ADMINISTRATOR.secretAccessKey}`;
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
  let previous = /Signature=([0-9a-f]+)/.exec(signed.headers.authorization as string)?.[1] as string;
  const link = (algorithm: string, ...tail: string[]): string => {
    const text = [algorithm, date, scope, previous, ...tail].join('\n');
    previous = createHmac('sha256', key).update(text).digest('hex');
    return previous;
  };
  const parts: Buffer[] = [];
  for (const chunk of [...chunks, Buffer.alloc(0)]) {
    const signature = link('AWS4-HMAC-SHA256-PAYLOAD', hash('sha256', ''), hash('sha256', chunk));
    parts.push(Buffer.from(`${chunk.length.toString(16)};chunk-signature=${signature}\r\n`), chunk);
    if (chunk.length > 0) parts.push(Buffer.from('\r\n'));
  }
  const lines = Object.entries(trailers).map(([name, value]) => `${name}:${value}\n`);
  if (lines.length > 0) {
    const signature = link('AWS4-HMAC-SHA256-TRAILER', hash('sha256', lines.join('')));
    parts.push(Buffer.from(lines.map((line) => line.replace('\n', '\r\n')).join('')));
    parts.push(Buffer.from(`x-amz-trailer-signature:${signature}\r\n`));
  }
  return Buffer.concat([...parts, Buffer.from('\r\n')]);
}
