import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Crc32c, Crc64Nvme } from '@aws-sdk/checksums/crc';

/** The algorithms of `x-amz-checksum-*`, as S3 writes them. */
export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

/** A checksum under way. */
export interface RunningChecksum {
  update(chunk: Uint8Array): void;
  digest(): Promise<Buffer>;
}

export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  switch (algorithm) {
    case 'CRC32':
      return new RunningCrc32();
    case 'CRC32C':
      return bytesOf(new Crc32c());
    case 'CRC64NVME':
      return bytesOf(new Crc64Nvme());
    case 'SHA1':
    case 'SHA256': {
      const hash = createHash(algorithm);
      return { update: (chunk) => void hash.update(chunk), digest: async () => hash.digest() };
    }
  }
}

class RunningCrc32 implements RunningChecksum {
  #value = 0;

  update(chunk: Uint8Array): void {
    this.#value = crc32(chunk, this.#value);
  }

  async digest(): Promise<Buffer> {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.#value);
    return bytes;
  }
}

function bytesOf(running: { update(chunk: Uint8Array): void; digest(): Promise<Uint8Array> }): RunningChecksum {
  return { update: (chunk) => running.update(chunk), digest: async () => Buffer.from(await running.digest()) };
}

/** Polynomials in reflected form, and widths. https://reveng.sourceforge.io/crc-catalogue/ */
const CRC = {
  CRC32: { polynomial: 0xedb88320n, width: 32 },
  CRC32C: { polynomial: 0x82f63b78n, width: 32 },
  CRC64NVME: { polynomial: 0x9a6c9329ac4bc9b5n, width: 64 },
} as const;

type CrcAlgorithm = keyof typeof CRC;

export function isCrc(algorithm: ChecksumAlgorithm): algorithm is CrcAlgorithm {
  return algorithm in CRC;
}

export interface PartChecksum {
  readonly digest: Buffer;
  /** Bytes that the digest covers. */
  readonly size: number;
}

/**
 * The CRC of the parts joined, from the CRCs of the parts: what S3 calls a full object checksum.
 * The CRC of a part is moved over the bytes behind it, which is a multiplication by x^(8·size) modulo the polynomial.
 */
export function combineCrcs(algorithm: CrcAlgorithm, parts: readonly PartChecksum[]): Buffer {
  const { width, polynomial } = CRC[algorithm];
  const shifts = new Map<number, bigint>(); // nearly all parts have one size
  let joined = 0n;
  for (const { digest, size } of parts) {
    const shift = shifts.get(size) ?? powerOfX(BigInt(size) * 8n, polynomial, width);
    shifts.set(size, shift);
    joined = multiply(joined, shift, polynomial, width);
    joined ^= BigInt(`0x${digest.toString('hex')}`);
  }
  return Buffer.from(joined.toString(16).padStart(width / 4, '0'), 'hex');
}

/** Products in GF(2)[x] modulo the polynomial; reflected, so the highest bit is x^0. */
function multiply(left: bigint, right: bigint, polynomial: bigint, width: number): bigint {
  const one = 1n << BigInt(width - 1);
  let product = 0n;
  let shifted = right;
  for (let bit = one; bit > 0n; bit >>= 1n) {
    if (left & bit) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n;
  }
  return product;
}

function powerOfX(exponent: bigint, polynomial: bigint, width: number): bigint {
  let power = 1n << BigInt(width - 1);
  let square = 1n << BigInt(width - 2);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) power = multiply(power, square, polynomial, width);
    square = multiply(square, square, polynomial, width);
  }
  return power;
}

/** The checksum of the parts' checksums, with their number, as S3 writes a composite one. */
export async function compositeChecksum(algorithm: ChecksumAlgorithm, digests: readonly Buffer[]): Promise<string> {
  const running = startChecksum(algorithm);
  for (const digest of digests) running.update(digest);
  return `${(await running.digest()).toString('base64')}-${digests.length}`;
}
