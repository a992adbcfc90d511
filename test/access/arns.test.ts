import { describe, expect, it } from 'vitest';
import { parseAthenaArn, sessionArn, workGroupArn } from '../../src/access/arns.ts';
import { InvalidRequestException } from '../../src/errors.ts';

const realm = { region: 'us-east-1', accountId: '123456789012' };

describe('parseAthenaArn', () => {
  it('reads what the makers make', () => {
    expect(parseAthenaArn(realm, workGroupArn(realm, 'a.b-c_1'))).toEqual({ type: 'workgroup', workGroup: 'a.b-c_1' });
    expect(parseAthenaArn(realm, sessionArn(realm, 'wg', 'id'))).toEqual({
      type: 'session',
      workGroup: 'wg',
      sessionId: 'id',
    });
  });

  it.each([
    'x',
    'arn:aws:athena:us-east-1:123456789012:datacatalog/x',
    'arn:aws:athena:eu-west-1:123456789012:workgroup/x',
    'arn:aws:athena:us-east-1:999999999999:workgroup/x',
    'arn:aws:s3:us-east-1:123456789012:workgroup/x',
    'arn:aws:athena:us-east-1:123456789012:workgroup/x/session/y/z',
  ])('refuses %s', (arn) => {
    expect(() => parseAthenaArn(realm, arn)).toThrow(InvalidRequestException);
  });
});
