import { expect, test } from 'vitest';
import { SigningKeys } from '../../src/wire/signing-keys.ts';
import { ADMINISTRATOR } from './signing.ts';

const keyOf = (accessKeyId: string) => ({ ...ADMINISTRATOR, accessKeyId });

test("AWS's published example: 20150830, us-east-1, iam", () => {
  const key = { ...ADMINISTRATOR, secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  expect(new SigningKeys().get(key, '20150830', 'us-east-1', 'iam').export().toString('hex')).toBe(
    'c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9',
  );
});

test('the least recently used key is dropped first', () => {
  const cache = new SigningKeys(2);
  const get = (accessKeyId: string) => cache.get(keyOf(accessKeyId), '20260301', 'eu-central-1', 's3');
  const first = get('first');
  const second = get('second');
  expect(get('first')).toBe(first);
  get('third');
  expect(get('first')).toBe(first);
  expect(get('second')).not.toBe(second);
  expect(get('second')).toEqual(second);
});
