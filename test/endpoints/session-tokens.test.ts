import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SessionTokens } from '../../src/endpoints/session-tokens.ts';

const HALF_AN_HOUR = 30 * 60_000;
const key = randomBytes(32);
const tokens = new SessionTokens(key, HALF_AN_HOUR);

describe('a token', () => {
  it('names its session until its end, also for the next server with the same key', () => {
    const sessionId = randomUUID();
    const { token, expiresAt } = tokens.issue(sessionId, 1_000);
    expect(expiresAt).toEqual(new Date(1_000 + HALF_AN_HOUR));
    const next = new SessionTokens(key, 1);
    expect(next.read(token, expiresAt.getTime() - 1)).toEqual({ sessionId, expired: false });
    expect(next.read(token, expiresAt.getTime())).toEqual({ sessionId, expired: true });
  });

  it('is not ended by a later one', () => {
    const sessionId = randomUUID();
    const [first, second] = [tokens.issue(sessionId, 1_000), tokens.issue(sessionId, 2_000)];
    expect(first.token).not.toBe(second.token);
    for (const { token } of [first, second]) expect(tokens.read(token, 3_000)).toEqual({ sessionId, expired: false });
  });

  it('needs no escape in a connection string', () => {
    for (let count = 0; count < 50; count += 1) expect(tokens.issue(randomUUID()).token).toMatch(/^[\w-]{72}$/);
  });

  it('is nothing with any single character changed', () => {
    const { token } = tokens.issue(randomUUID());
    for (let at = 0; at < token.length; at += 1) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(tokens.read(token.slice(0, at) + other + token.slice(at + 1))).toBeUndefined();
    }
  });

  it.each(['', 'x', 'A'.repeat(72), 'A'.repeat(100_000), '…'.repeat(72)])('is none that nobody made: %.10s', (text) => {
    expect(tokens.read(text)).toBeUndefined();
  });

  it('is nothing under another key', () => {
    expect(new SessionTokens(randomBytes(32), HALF_AN_HOUR).read(tokens.issue(randomUUID()).token)).toBeUndefined();
  });
});
