import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORM = 'v1.';

/** What is sealed: the secrets of users' keys in the access file, and what temporary keys are good for in their tokens. */
type Use = 'users/access-keys' | 'temporary/tokens';

/**
 * Encrypts the secret of a key. The key id is bound to it: a sealed secret that is copied to another id does not open.
 *
 * @param masterKey 32 bytes, which lie in a file of their own
 */
export function sealSecret(
  masterKey: Buffer,
  accessKeyId: string,
  secret: string,
  use: Use = 'users/access-keys',
): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, sealingKey(masterKey, use), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(accessKeyId));
  const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return FORM + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

/** @throws Error when it was sealed for another id, under another master key, or changed */
export function openSecret(
  masterKey: Buffer,
  accessKeyId: string,
  sealed: string,
  use: Use = 'users/access-keys',
): string {
  const bytes = Buffer.from(sealed.slice(FORM.length), 'base64');
  try {
    if (!sealed.startsWith(FORM)) throw new Error(`does not begin with ${FORM}`);
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, sealingKey(masterKey, use), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(accessKeyId));
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    throw new Error(
      `The secret of key ${accessKeyId} does not open: it was made under another master.key, or changed.`,
    );
  }
}

/** A key of its own for each use of the master key: sessions' secrets are derived from it too. */
function sealingKey(masterKey: Buffer, use: Use): Buffer {
  return createHmac('sha256', masterKey).update(use).digest();
}
