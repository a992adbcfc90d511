import { combineCrcs, compositeChecksum, isCrc } from '../../objects/checksums.ts';
import type { ObjectChecksum, PartRecord, UploadRecord } from '../../objects/embedded/records.ts';

/**
 * An object's checksum from those of its parts, by the algorithm and in the manner that the upload began with; `undefined`
 * when it began with none, or a part has none (one that was copied).
 */
export async function multipartChecksum(
  { checksumAlgorithm: algorithm, checksumType: type }: UploadRecord,
  parts: readonly PartRecord[],
): Promise<ObjectChecksum | undefined> {
  if (algorithm === undefined || type === undefined) return undefined;
  const digests = parts.flatMap(({ checksum, size }) =>
    checksum === undefined ? [] : [{ digest: Buffer.from(checksum.value, 'base64'), size }],
  );
  if (digests.length < parts.length) return undefined;
  if (type === 'FULL_OBJECT' && isCrc(algorithm)) {
    return { algorithm, type, value: combineCrcs(algorithm, digests).toString('base64') };
  }
  const value = await compositeChecksum(
    algorithm,
    digests.map(({ digest }) => digest),
  );
  return { algorithm, type: 'COMPOSITE', value };
}
