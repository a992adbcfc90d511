import { getCanonicalHeaders, SignatureV4Base } from '@smithy/signature-v4';
import type { SignedRequest } from './sigv4-parse.ts';

/** The canonical form of a request, by the very code that AWS's own JavaScript signer uses. */
export class CanonicalForm extends SignatureV4Base {
  /** @param escapePath every service but S3 percent-encodes the path once more */
  constructor(escapePath: boolean) {
    const unused = { accessKeyId: '', secretAccessKey: '' };
    super({ service: '', region: '', credentials: unused, sha256: unusedHash, uriEscapePath: escapePath });
  }

  /**
   * @param signedHeaders lower-case names; nothing else of the headers goes in
   * @param payloadHash hex SHA-256 of the body, or S3's literal in its place
   */
  of(request: SignedRequest, signedHeaders: readonly string[], payloadHash: string): string {
    const headers = pickHeaders(request, signedHeaders);
    const canonicalHeaders = getCanonicalHeaders(
      { method: '', protocol: '', hostname: '', path: '', headers },
      undefined,
      new Set(signedHeaders),
    );
    const { method, path } = request;
    const query = queryOf(request.rawQuery);
    return this.createCanonicalRequest(
      { method, path, query, headers, protocol: '', hostname: '' },
      canonicalHeaders,
      payloadHash,
    );
  }
}

/** `createCanonicalRequest` never hashes: the verifier does, synchronously. */
const unusedHash = class {
  update(): void {}
  async digest(): Promise<Uint8Array> {
    throw new Error('the canonical form needs no hash');
  }
  reset(): void {}
};

/** A signed header that did not come is left out: the signature then does not match, which is the right answer. */
function pickHeaders(request: SignedRequest, signedHeaders: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = Object.create(null);
  for (const name of signedHeaders) {
    const value = request.headers[name];
    if (value !== undefined) picked[name] = utf8Of(Array.isArray(value) ? value.join(',') : value);
  }
  return picked;
}

/** Node reads header bytes as Latin-1; clients sign what they meant, which is UTF-8. */
function utf8Of(value: string): string {
  if (!/[\u0080-\u00ff]/.test(value)) return value;
  try {
    return strictUtf8.decode(Buffer.from(value, 'latin1'));
  } catch {
    return value;
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function queryOf(rawQuery: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = Object.create(null);
  if (rawQuery === '') return query;
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    const seen = query[name];
    query[name] = seen === undefined ? value : [...(Array.isArray(seen) ? seen : [seen]), value];
  }
  return query;
}
