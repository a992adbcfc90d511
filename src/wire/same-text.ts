import { timingSafeEqual } from 'node:crypto';

/** Compares a secret with what was given for it, without telling by its time how much of the text was right. */
export function sameText(expected: string, given: string): boolean {
  const left = Buffer.from(expected);
  const right = Buffer.from(given);
  return left.length === right.length && timingSafeEqual(left, right);
}
