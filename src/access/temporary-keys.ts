import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { newId } from './ids.ts';
import { openSecret, sealSecret } from './secrets.ts';

const grant = z.union([
  z.strictObject({ session: z.string() }),
  z.strictObject({ role: z.string(), roleId: z.string(), name: z.string() }),
]);
const token = z.strictObject({ grant, expires: z.number() });

/**
 * Whom a temporary key makes its holder: the code of a session, or who has assumed a role. Of a role its id counts beside its ARN: one
 * that was deleted and made anew is another.
 */
export type Grant = z.output<typeof grant>;

/** As STS hands it out. */
export interface TemporaryKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: Date;
}

/**
 * Keys that end by themselves. Nothing of them is stored: the secret is derived from the id, and what the key is good for lies in its
 * token, sealed, so that every server with the same master key knows it, also after a restart.
 */
export class TemporaryKeys {
  readonly #masterKey: Buffer;

  constructor(masterKey: Buffer) {
    this.#masterKey = masterKey;
  }

  issue(granted: Grant, seconds: number): TemporaryKey {
    const accessKeyId = newId('ASIA');
    const expires = Math.floor(Date.now() / 1000) + seconds;
    const text = JSON.stringify({ grant: granted, expires } satisfies z.output<typeof token>);
    return {
      accessKeyId,
      secretAccessKey: this.#secretOf(accessKeyId),
      sessionToken: sealSecret(this.#masterKey, accessKeyId, text, 'temporary/tokens'),
      expiresAt: new Date(expires * 1000),
    };
  }

  /** @returns the key, also one that has expired; `undefined` for a token that is not ours, or another key's */
  open(accessKeyId: string, sessionToken: string): (TemporaryKey & { readonly grant: Grant }) | undefined {
    let text: string;
    try {
      text = openSecret(this.#masterKey, accessKeyId, sessionToken, 'temporary/tokens');
    } catch {
      return undefined;
    }
    const { grant: granted, expires } = token.parse(JSON.parse(text));
    const secretAccessKey = this.#secretOf(accessKeyId);
    return { accessKeyId, secretAccessKey, sessionToken, expiresAt: new Date(expires * 1000), grant: granted };
  }

  #secretOf(accessKeyId: string): string {
    return createHmac('sha256', this.#masterKey).update(`temporary/${accessKeyId}`).digest('base64').slice(0, 40);
  }
}
