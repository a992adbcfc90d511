import { expect, test } from 'vitest';
import { authorize, isAuthorized } from '../../src/access/authorize.ts';
import type { Principal } from '../../src/access/principal.ts';

const ADMINISTRATOR: Principal = {
  arn: 'arn:aws:iam::123456789012:root',
  accountId: '123456789012',
  kind: 'administrator',
};
const SESSION: Principal = {
  arn: 'arn:aws:sts::123456789012:assumed-role/parthenon/s-1',
  accountId: '123456789012',
  kind: 'session',
  sessionId: 's-1',
};

test('the administrator may do everything', () => {
  expect(isAuthorized(ADMINISTRATOR, 'athena:StartSession')).toBe(true);
  expect(isAuthorized(ADMINISTRATOR, 's3:PutObject')).toBe(true);
});

test('the code of a session reaches S3 and nothing of Athena', () => {
  expect(isAuthorized(SESSION, 's3:PutObject')).toBe(true);
  expect(isAuthorized(SESSION, 'athena:StartSession')).toBe(false);
  expect(() => authorize(SESSION, 'athena:StartSession', '*')).toThrow(
    expect.objectContaining({
      name: 'AccessDeniedException',
      message:
        'User: arn:aws:sts::123456789012:assumed-role/parthenon/s-1 is not authorized to perform: athena:StartSession on resource: *',
    }),
  );
});
