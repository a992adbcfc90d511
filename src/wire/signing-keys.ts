import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { AccessKey } from '../access/principal.ts';

interface CachedKey {
  readonly secretAccessKey: string;
  readonly signingKey: KeyObject;
}

/**
 * Derived SigV4 signing keys, the least recently used dropped first. Deriving one costs four HMACs and a client signs
 * with the same one all day long.
 */
export class SigningKeys {
  readonly #cached = new Map<string, CachedKey>();
  readonly #capacity: number;

  constructor(capacity = 1000) {
    this.#capacity = capacity;
  }

  /**
   * @param shortDate the scope's day, `YYYYMMDD`
   * @returns 32 bytes: HMAC chain of day, region, service and `aws4_request`. As a key, which Node makes of bytes anew for each HMAC,
   * and takes seven times as long
   */
  get(key: AccessKey, shortDate: string, region: string, service: string): KeyObject {
    const name = `${key.accessKeyId}/${shortDate}/${region}/${service}`;
    const cached = this.#cached.get(name);
    this.#cached.delete(name);
    // A key id can come back with another secret: what was derived from the old one must not serve it.
    const current = cached?.secretAccessKey === key.secretAccessKey ? cached : derive(key, shortDate, region, service);
    this.#cached.set(name, current);
    if (this.#cached.size > this.#capacity) this.#dropOldest();
    return current.signingKey;
  }

  #dropOldest(): void {
    const oldest = this.#cached.keys().next();
    if (!oldest.done) this.#cached.delete(oldest.value);
  }
}

function derive(key: AccessKey, shortDate: string, region: string, service: string): CachedKey {
  let signingKey = Buffer.from(`AWS4${key.secretAccessKey}`, 'utf8');
  for (const part of [shortDate, region, service, 'aws4_request']) {
    signingKey = createHmac('sha256', signingKey).update(part, 'utf8').digest();
  }
  return { secretAccessKey: key.secretAccessKey, signingKey: createSecretKey(signingKey) };
}
