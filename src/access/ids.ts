import { randomBytes } from 'node:crypto';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * A fresh id of IAM's: four letters that tell the kind (`AKIA` a key, `ASIA` a temporary one, `AIDA` a user, `AROA` a role), and 16
 * letters and digits.
 */
export function newId(kind: 'AKIA' | 'ASIA' | 'AIDA' | 'AROA'): string {
  return `${kind}${Array.from(randomBytes(16), (byte) => BASE32[byte % 32]).join('')}`;
}
