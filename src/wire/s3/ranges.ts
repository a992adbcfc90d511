import { S3Error } from './s3-error.ts';

/** Bytes of an object, first and last included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a Range header for an object of `size` bytes. `undefined` stands for the whole object: without the header, and for
 * forms that S3 ignores (several ranges, other units, not readable).
 * @throws S3Error InvalidRange when no byte of the object is asked for
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const first = match[1] === '' ? undefined : Number(match[1]);
  const last = match[2] === '' ? undefined : Number(match[2]);
  if (first !== undefined && last !== undefined && last < first) return undefined;
  const start = first ?? Math.max(size - (last as number), 0);
  const end = first === undefined ? size - 1 : Math.min(last ?? size - 1, size - 1);
  if (start > end) {
    throw new S3Error(
      'InvalidRange',
      'The requested range is not satisfiable',
      { RangeRequested: header as string, ActualObjectSize: String(size) },
      { 'Content-Range': `bytes */${size}` },
    );
  }
  return { start, end };
}
