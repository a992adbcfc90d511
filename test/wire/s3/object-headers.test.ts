import { expect, test } from 'vitest';
import { attributesOf } from '../../../src/wire/s3/object-headers.ts';

test.each(['STD1', 'standard', 'EXPRESS_ONEZONE', ''])('the storage class %j is not valid', (storageClass) => {
  expect(() => attributesOf({ 'x-amz-storage-class': storageClass })).toThrow(
    expect.objectContaining({
      code: 'InvalidStorageClass',
      status: 400,
      message: 'The storage class you specified is not valid',
      details: { StorageClassRequested: storageClass },
    }),
  );
});

test.each(['REDUCED_REDUNDANCY', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'])(
  'the storage class %s is kept',
  (storageClass) => {
    expect(attributesOf({ 'x-amz-storage-class': storageClass })).toEqual({ storageClass });
  },
);

test("everybody's storage class is nothing to keep", () => {
  expect(attributesOf({ 'x-amz-storage-class': 'STANDARD' })).toEqual({});
});
