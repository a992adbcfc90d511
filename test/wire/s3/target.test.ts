import { describe, expect, test } from 'vitest';
import { targetOf } from '../../../src/wire/s3/target.ts';

describe('targetOf', () => {
  test.each([
    ['/', 'host', {}],
    ['/bucket', 'host:8730', { bucket: 'bucket' }],
    ['/bucket/', undefined, { bucket: 'bucket' }],
    ['/bucket/key', 'localhost:8730', { bucket: 'bucket', key: 'key' }],
    ['/bucket//key/', 'localhost', { bucket: 'bucket', key: '/key/' }],
    ['/bucket/a%2Fb%20c+d%25', 'localhost', { bucket: 'bucket', key: 'a/b c+d%' }],
    ['/', 'my.bucket.localhost:8730', { bucket: 'my.bucket' }],
    ['/bucket/key', 'my-bucket.LOCALHOST', { bucket: 'my-bucket', key: 'bucket/key' }],
    ['/bucket/key', 'notlocalhost', { bucket: 'bucket', key: 'key' }],
  ])('%s at %s', (path, host, expected) => {
    expect(targetOf(path, host, ['localhost', 's3.example'])).toEqual(expected);
  });

  test.each(['/bucket/%FF', '/bucket/%', '/%C3/key'])('%s is InvalidURI', (path) => {
    expect(() => targetOf(path, 'host', [])).toThrow(expect.objectContaining({ code: 'InvalidURI' }));
  });
});
