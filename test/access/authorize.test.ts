import { describe, expect, it } from 'vitest';
import { authorize, decide } from '../../src/access/authorize.ts';
import { parsePolicy } from '../../src/access/policies/policy.ts';
import type { Principal } from '../../src/access/principal.ts';

const accountId = '123456789012';
const ADMINISTRATOR: Principal = { arn: `arn:aws:iam::${accountId}:root`, accountId, kind: 'administrator' };
const SESSION: Principal = {
  arn: `arn:aws:sts::${accountId}:assumed-role/parthenon/s-1`,
  accountId,
  kind: 'session',
  sessionId: 's-1',
};
const policies = [
  parsePolicy({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'athena:Get*', Resource: '*' },
      { Effect: 'Deny', Action: 'athena:GetSession', Resource: '*' },
    ],
  }),
];
const USER: Principal = {
  arn: `arn:aws:iam::${accountId}:user/alice`,
  accountId,
  kind: 'user',
  identity: { policies, attributes: new Map() },
};
const workGroup = `arn:aws:athena:us-east-1:${accountId}:workgroup/primary`;
const message = (principal: Principal, action: string, resource: string): unknown => {
  try {
    return authorize(principal, { action, resource });
  } catch (error) {
    return (error as Error).message;
  }
};

describe('who may do what', () => {
  it('the administrator everything', () => {
    expect(decide(ADMINISTRATOR, { action: 'athena:StartSession', resource: workGroup })).toBe('allowed');
  });

  it('the code of a session without a configured role S3, and nothing of Athena', () => {
    expect(decide(SESSION, { action: 's3:PutObject', resource: 'arn:aws:s3:::b/k' })).toBe('allowed');
    expect(decide(SESSION, { action: 'athena:StartSession', resource: workGroup })).toBe('implicitDeny');
  });

  it('the code of a session with a configured role what that says', () => {
    const withRole: Principal = { ...SESSION, identity: { policies, attributes: new Map() } };
    expect(decide(withRole, { action: 's3:PutObject', resource: 'arn:aws:s3:::b/k' })).toBe('implicitDeny');
    expect(decide(withRole, { action: 'athena:GetWorkGroup', resource: workGroup })).toBe('allowed');
  });

  it('a user without policies nothing', () => {
    const stranger: Principal = { arn: 'x', accountId, kind: 'user' };
    expect(decide(stranger, { action: 's3:GetObject', resource: 'arn:aws:s3:::b/k' })).toBe('implicitDeny');
  });
});

describe('a refusal', () => {
  it('is told in AWS’s words', () => {
    expect(message(USER, 'athena:GetWorkGroup', workGroup)).toBeUndefined();
    expect(message(USER, 'athena:StartSession', workGroup)).toBe(
      `User: arn:aws:iam::${accountId}:user/alice is not authorized to perform: athena:StartSession on resource: ${workGroup} because no identity-based policy allows the athena:StartSession action`,
    );
    expect(message(USER, 'athena:GetSession', workGroup)).toBe(
      `User: arn:aws:iam::${accountId}:user/alice is not authorized to perform: athena:GetSession on resource: ${workGroup} with an explicit deny in an identity-based policy`,
    );
  });

  it('names no resource where there is none', () => {
    // Seen of Athena's ListWorkGroups and S3's ListBuckets.
    expect(message(USER, 'athena:ListWorkGroups', '*')).toBe(
      `User: arn:aws:iam::${accountId}:user/alice is not authorized to perform: athena:ListWorkGroups because no identity-based policy allows the athena:ListWorkGroups action`,
    );
  });
});
