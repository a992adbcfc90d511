import { createHmac, timingSafeEqual } from 'node:crypto';

const ID_BYTES = 16;
const EXPIRY_BYTES = 6;
const MAC_BYTES = 32;

/** What a token that this server has made says. */
export interface SessionToken {
  readonly sessionId: string;
  readonly expired: boolean;
}

/**
 * Tokens by which people and their clients reach one session: its id and the token's end, signed under a key for each kind of endpoint.
 * Nothing is stored, so every token is good until its end, also for the server that comes after this one.
 */
export class SessionTokens {
  readonly #key: Buffer;
  readonly #lifetimeMillis: number;

  /** @param key 32 secret bytes, the same after a restart */
  constructor(key: Buffer, lifetimeMillis: number) {
    this.#key = key;
    this.#lifetimeMillis = lifetimeMillis;
  }

  /**
   * @param sessionId a UUID
   * @returns 72 letters, digits, `-` and `_`: nothing that a connection string or a URL would have to escape
   */
  issue(sessionId: string, now = Date.now()): { token: string; expiresAt: Date } {
    const expiresAt = now + this.#lifetimeMillis;
    const said = Buffer.alloc(ID_BYTES + EXPIRY_BYTES);
    said.write(sessionId.replaceAll('-', ''), 'hex');
    said.writeUIntBE(expiresAt, ID_BYTES, EXPIRY_BYTES);
    return { token: Buffer.concat([said, this.#sign(said)]).toString('base64url'), expiresAt: new Date(expiresAt) };
  }

  /** undefined for what this server, or one before it on the same home, has not made. */
  read(token: string, now = Date.now()): SessionToken | undefined {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length !== ID_BYTES + EXPIRY_BYTES + MAC_BYTES) return undefined;
    const said = bytes.subarray(0, ID_BYTES + EXPIRY_BYTES);
    if (!timingSafeEqual(this.#sign(said), bytes.subarray(said.length))) return undefined;
    const [, ...parts] = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(said.toString('hex', 0, ID_BYTES)) ?? [];
    return { sessionId: parts.join('-'), expired: said.readUIntBE(ID_BYTES, EXPIRY_BYTES) <= now };
  }

  #sign(said: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(said).digest();
  }
}
