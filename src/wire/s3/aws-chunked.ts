import { createHash, createHmac, hash } from 'node:crypto';
import { sameText } from '../same-text.ts';
import type { VerifiedSignature } from '../sigv4.ts';
import { S3Error } from './s3-error.ts';

const MAX_LINE_BYTES = 8 * 1024;
const MAX_TRAILERS = 16;
const EMPTY_HASH = hash('sha256', '');

/** What signs the chunks: the request's own signature is the first link of their chain. */
export type ChunkSigner = Pick<VerifiedSignature, 'signature' | 'signingKey' | 'date' | 'scope'>;

export interface ChunkedOptions {
  /** Chunks are signed by this; without it they carry no signatures. */
  readonly signer?: ChunkSigner;
  /** Trailers follow the last chunk. */
  readonly trailers: boolean;
}

/**
 * Decodes `Content-Encoding: aws-chunked`, verifying each chunk's signature when its last byte has come and the trailers'
 * after them: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html. Bytes are passed on before the
 * chunk they are of is verified, so nothing may be kept of a body whose reading failed.
 */
export class AwsChunkedBody {
  /** Lower-case names; complete when `bytes` has ended. */
  readonly trailers = new Map<string, string>();
  readonly #reader: LineReader;
  readonly #options: ChunkedOptions;
  #previousSignature: string;

  constructor(source: AsyncIterable<Buffer>, options: ChunkedOptions) {
    this.#reader = new LineReader(source);
    this.#options = options;
    this.#previousSignature = options.signer?.signature ?? '';
  }

  /** @throws S3Error IncompleteBody, SignatureDoesNotMatch, InvalidRequest */
  async *bytes(): AsyncGenerator<Buffer> {
    try {
      yield* this.#chunks();
      await this.#readTrailers();
    } finally {
      await this.#reader.close();
    }
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    for (;;) {
      const { size, signature } = parseChunkHeader(await this.#reader.line());
      const sha256 = createHash('sha256');
      for await (const slice of this.#reader.take(size)) {
        if (this.#options.signer !== undefined) sha256.update(slice);
        yield slice;
      }
      this.#checkChunk(sha256.digest('hex'), signature);
      if (size === 0) return;
      if ((await this.#reader.line()) !== '') throw malformedChunk();
    }
  }

  #checkChunk(chunkHash: string, signature: string | undefined): void {
    this.#checkLink(['AWS4-HMAC-SHA256-PAYLOAD'], [EMPTY_HASH, chunkHash], signature);
  }

  async #readTrailers(): Promise<void> {
    let canonical = '';
    let signature: string | undefined;
    for (let line = await this.#reader.lastLine(); line !== ''; line = await this.#reader.lastLine()) {
      const colon = line.indexOf(':');
      if (colon < 1 || this.trailers.size >= MAX_TRAILERS) throw malformedChunk();
      const name = line.slice(0, colon).trim().toLowerCase();
      const value = line.slice(colon + 1).trim();
      if (name === 'x-amz-trailer-signature') {
        signature = value;
      } else {
        this.trailers.set(name, value);
        canonical += `${name}:${value}\n`;
      }
    }
    if (this.#options.trailers) this.#checkLink(['AWS4-HMAC-SHA256-TRAILER'], [hash('sha256', canonical)], signature);
    else if (this.trailers.size > 0) throw malformedChunk();
  }

  #checkLink(head: readonly string[], tail: readonly string[], signature: string | undefined): void {
    const { signer } = this.#options;
    if (signer === undefined) return;
    const text = [...head, signer.date, signer.scope, this.#previousSignature, ...tail].join('\n');
    const expected = createHmac('sha256', signer.signingKey).update(text).digest('hex');
    if (!sameText(expected, signature ?? '')) {
      throw new S3Error(
        'SignatureDoesNotMatch',
        'The chunk signature we calculated does not match the signature you provided.',
      );
    }
    this.#previousSignature = expected;
  }
}

function parseChunkHeader(line: string): { size: number; signature: string | undefined } {
  const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
  if (match === null) throw malformedChunk();
  return { size: Number.parseInt(match[1] as string, 16), signature: match[2] };
}

function malformedChunk(): S3Error {
  return new S3Error('InvalidRequest', 'The body is not of the form that aws-chunked asks for.');
}

export function incompleteBody(): S3Error {
  return new S3Error(
    'IncompleteBody',
    'You did not provide the number of bytes specified by the Content-Length HTTP header',
  );
}

/** Lines and counted bytes out of a stream of buffers. */
class LineReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next line, without its CRLF. */
  async line(): Promise<string> {
    return await this.#line(true);
  }

  /** The next line, or an empty one at the end of the stream: not every client closes its trailers with an empty line. */
  async lastLine(): Promise<string> {
    return await this.#line(false);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async *take(count: number): AsyncGenerator<Buffer> {
    let missing = count;
    while (missing > 0) {
      if (this.#rest.length === 0 && !(await this.#more())) throw incompleteBody();
      const slice = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(slice.length);
      missing -= slice.length;
      yield slice;
    }
  }

  async #line(required: boolean): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf('\n');
      if (end !== -1) {
        const line = this.#rest.toString('latin1', 0, end).replace(/\r$/, '');
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      if (this.#rest.length > MAX_LINE_BYTES) throw malformedChunk();
      if (await this.#more()) continue;
      if (required || this.#rest.length > 0) throw incompleteBody();
      return '';
    }
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done) return false;
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }
}
