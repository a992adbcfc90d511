import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { openSecret, sealSecret } from '../../src/access/secrets.ts';

const masterKey = randomBytes(32);

test('a sealed secret opens to what it was, and shows nothing of it', () => {
  const sealed = sealSecret(masterKey, 'AKIAONE', 'a secret of 40 characters');
  expect(openSecret(masterKey, 'AKIAONE', sealed)).toBe('a secret of 40 characters');
  expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toContain('secret');
  expect(sealSecret(masterKey, 'AKIAONE', 'a secret of 40 characters')).not.toBe(sealed);
});

test('it opens for no other key id, under no other master key, and not when it was changed', () => {
  const sealed = sealSecret(masterKey, 'AKIAONE', 'secret');
  const middle = Math.floor(sealed.length / 2);
  const changed = sealed.slice(0, middle) + (sealed[middle] === 'A' ? 'B' : 'A') + sealed.slice(middle + 1);
  for (const attempt of [
    () => openSecret(masterKey, 'AKIATWO', sealed),
    () => openSecret(randomBytes(32), 'AKIAONE', sealed),
    () => openSecret(masterKey, 'AKIAONE', changed),
    () => openSecret(masterKey, 'AKIAONE', sealed.slice(0, 20)),
    () => openSecret(masterKey, 'AKIAONE', `v2${sealed.slice(2)}`),
  ]) {
    expect(attempt).toThrow(/does not open/);
  }
});
