import { StorageError } from './storage-error.ts';

const MAX_KEY_BYTES = 1024;

/** S3's naming rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export function checkBucketName(name: string): void {
  const wellFormed = /^[a-z0-9](?:[a-z0-9-]|\.(?=[a-z0-9])){1,61}[a-z0-9]$/.test(name);
  const lookalike = /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name);
  const reserved = /^(?:xn--|sthree-|amzn-s3-demo-)|(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name);
  if (!wellFormed || lookalike || reserved || name.includes('-.')) {
    throw new StorageError('InvalidBucketName', 'The specified bucket is not valid.', { BucketName: name });
  }
}

/** Keys are 1 to 1024 bytes of UTF-8; nothing else of them matters: a slash, a dot, a prefix of another key are as good as any. */
export function checkKey(key: string): void {
  if (key === '') throw new StorageError('InvalidArgument', 'Object keys must have at least one byte.');
  const bytes = Buffer.byteLength(key);
  if (bytes > MAX_KEY_BYTES) {
    throw new StorageError('KeyTooLongError', 'Your key is too long', {
      Size: String(bytes),
      MaxSizeAllowed: String(MAX_KEY_BYTES),
    });
  }
}

const LAST_CODE_POINT = 0x10ffff;

/**
 * A string that is greater, in UTF-8 byte order, than every key that begins with `prefix`, and not greater than any other
 * key behind them. UTF-8 order is the order of code points.
 */
export function afterPrefix(prefix: string): string {
  const codePoints = Array.from(prefix, (character) => character.codePointAt(0) as number);
  while (codePoints.at(-1) === LAST_CODE_POINT) codePoints.pop();
  const last = codePoints.pop();
  // Nothing but the last character of all: no key is long enough to be greater than this.
  if (last === undefined) return String.fromCodePoint(LAST_CODE_POINT).repeat(MAX_KEY_BYTES);
  // U+D800 to U+DFFF are surrogates and no characters.
  const next = last === 0xd7ff ? 0xe000 : last + 1;
  return String.fromCodePoint(...codePoints, next);
}
