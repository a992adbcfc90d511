import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  combineCrcs,
  compositeChecksum,
  isCrc,
  startChecksum,
} from '../../src/objects/checksums.ts';

async function checksum(algorithm: ChecksumAlgorithm, ...chunks: Uint8Array[]): Promise<Buffer> {
  const running = startChecksum(algorithm);
  for (const chunk of chunks) running.update(chunk);
  return await running.digest();
}

describe('checksums', () => {
  // The check values of the CRC catalogue, and FIPS 180's digests, of the same nine bytes.
  test.each([
    ['CRC32', 'cbf43926'],
    ['CRC32C', 'e3069283'],
    ['CRC64NVME', 'ae8b14860a799888'],
    ['SHA1', createHash('sha1').update('123456789').digest('hex')],
    ['SHA256', createHash('sha256').update('123456789').digest('hex')],
  ] as const)('%s of 123456789', async (algorithm, expected) => {
    expect((await checksum(algorithm, Buffer.from('123456789'))).toString('hex')).toBe(expected);
    expect((await checksum(algorithm, Buffer.from('1234'), Buffer.from('56789'))).toString('hex')).toBe(expected);
  });

  test.each(CHECKSUM_ALGORITHMS.filter(isCrc))('%s of parts combines to that of the whole', async (algorithm) => {
    const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(parts, async (chunks) => {
        const digests = await Promise.all(
          chunks.map(async (chunk) => ({ digest: await checksum(algorithm, chunk), size: chunk.length })),
        );
        expect(combineCrcs(algorithm, digests)).toEqual(await checksum(algorithm, ...chunks));
      }),
    );
  });

  test('a composite checksum is that of the digests, with their number', async () => {
    const digests = [await checksum('SHA256', Buffer.from('a')), await checksum('SHA256', Buffer.from('b'))];
    const expected = createHash('sha256').update(Buffer.concat(digests)).digest('base64');
    expect(await compositeChecksum('SHA256', digests)).toBe(`${expected}-2`);
  });
});
