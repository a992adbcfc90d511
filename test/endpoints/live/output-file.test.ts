import { describe, expect, it } from 'vitest';
import { wholeCharacters } from '../../../src/endpoints/live/output-file.ts';

describe('wholeCharacters', () => {
  it('leaves out a character whose rest has not come, wherever it is cut', () => {
    for (const character of ['a', 'é', '✓', '😀']) {
      const bytes = Buffer.from(`x${character}`);
      for (let length = 1; length < bytes.length; length += 1)
        expect(wholeCharacters(bytes.subarray(0, length))).toBe(1);
      expect(wholeCharacters(bytes)).toBe(bytes.length);
    }
  });

  it('waits for no rest of bytes that are no text', () => {
    for (const bytes of [[0xff], [0x80, 0x80, 0x80, 0x80], [0xe2, 0x82, 0xac, 0x80], [0xf8]])
      expect(wholeCharacters(Uint8Array.from(bytes))).toBe(bytes.length);
    expect(wholeCharacters(new Uint8Array())).toBe(0);
  });
});
