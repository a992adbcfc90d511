// biome-ignore-all lint/suspicious/noTemplateCurlyInString: IAM writes its variables like this
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Decision, evaluate } from '../../../src/access/policies/evaluate.ts';
import { parsePolicy } from '../../../src/access/policies/policy.ts';

type Keys = Record<string, string | readonly string[]>;

function ask(policies: readonly unknown[], action: string, resource: string, keys: Keys = {}): Decision {
  const context = (key: string) => (Object.hasOwn(keys, key) ? keys[key] : undefined);
  return evaluate(policies.map(parsePolicy), { action, resource, context });
}

const athena = (rest: string) => `arn:aws:athena:us-east-1:123456789012:${rest}`;
const Version = '2012-10-17';

describe('examples of AWS’s own', () => {
  it('full access to one workgroup, and the lists of all', () => {
    // https://docs.aws.amazon.com/athena/latest/ug/example-policies-workgroup.html
    const policy = {
      Version,
      Statement: [
        { Effect: 'Allow', Action: ['athena:ListEngineVersions', 'athena:ListWorkGroups'], Resource: '*' },
        {
          Effect: 'Allow',
          Action: ['athena:GetWorkGroup', 'athena:StartQueryExecution'],
          Resource: [athena('workgroup/workgroupA')],
        },
      ],
    };
    expect(ask([policy], 'athena:ListWorkGroups', '*')).toBe('allowed');
    expect(ask([policy], 'athena:GetWorkGroup', athena('workgroup/workgroupA'))).toBe('allowed');
    expect(ask([policy], 'athena:getworkgroup', athena('workgroup/workgroupA'))).toBe('allowed');
    expect(ask([policy], 'athena:GetWorkGroup', athena('workgroup/workgroupa'))).toBe('implicitDeny');
    expect(ask([policy], 'athena:GetWorkGroup', athena('workgroup/workgroupAB'))).toBe('implicitDeny');
  });

  it('a folder for each user', () => {
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_s3_home-directory.html
    const policy = {
      Version,
      Statement: [
        {
          Effect: 'Allow',
          Action: 's3:ListBucket',
          Resource: 'arn:aws:s3:::bucket',
          Condition: { StringLike: { 's3:prefix': ['', 'home/', 'home/${aws:username}/*'] } },
        },
        {
          Effect: 'Allow',
          Action: 's3:*',
          Resource: ['arn:aws:s3:::bucket/home/${aws:username}', 'arn:aws:s3:::bucket/home/${aws:username}/*'],
        },
      ],
    };
    const alice = { 'aws:username': 'alice' };
    expect(ask([policy], 's3:GetObject', 'arn:aws:s3:::bucket/home/alice/x', alice)).toBe('allowed');
    expect(ask([policy], 's3:GetObject', 'arn:aws:s3:::bucket/home/bob/x', alice)).toBe('implicitDeny');
    expect(ask([policy], 's3:ListBucket', 'arn:aws:s3:::bucket', { ...alice, 's3:prefix': 'home/' })).toBe('allowed');
    expect(ask([policy], 's3:ListBucket', 'arn:aws:s3:::bucket', { ...alice, 's3:prefix': 'home/bob/' })).toBe(
      'implicitDeny',
    );
    // A name with a wildcard in it is a name.
    expect(ask([policy], 's3:GetObject', 'arn:aws:s3:::bucket/home/bob/x', { 'aws:username': '*' })).toBe(
      'implicitDeny',
    );
    // A role has no user name.
    expect(ask([policy], 's3:GetObject', 'arn:aws:s3:::bucket/home//x')).toBe('implicitDeny');
  });

  it('nothing from outside some networks', () => {
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-ip.html
    const deny = {
      Version,
      Statement: {
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { NotIpAddress: { 'aws:SourceIp': ['192.0.2.0/24', '203.0.113.0/24'] } },
      },
    };
    const allow = { Version, Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };
    expect(ask([allow, deny], 'athena:ListWorkGroups', '*', { 'aws:sourceip': '192.0.2.9' })).toBe('allowed');
    expect(ask([allow, deny], 'athena:ListWorkGroups', '*', { 'aws:sourceip': '198.51.100.1' })).toBe('explicitDeny');
  });

  it('resources with the caller’s own tag', () => {
    // https://docs.aws.amazon.com/athena/latest/ug/tags-access-control.html
    const policy = {
      Version,
      Statement: {
        Effect: 'Allow',
        Action: 'athena:*',
        Resource: athena('workgroup/*'),
        Condition: { StringEquals: { 'aws:ResourceTag/Team': '${aws:PrincipalTag/team}' } },
      },
    };
    const wg = athena('workgroup/a');
    const data = { 'aws:principaltag/team': 'data' };
    expect(ask([policy], 'athena:GetWorkGroup', wg, { ...data, 'aws:resourcetag/team': 'data' })).toBe('allowed');
    expect(ask([policy], 'athena:GetWorkGroup', wg, { ...data, 'aws:resourcetag/team': 'ml' })).toBe('implicitDeny');
    expect(ask([policy], 'athena:GetWorkGroup', wg, data)).toBe('implicitDeny');
    expect(ask([policy], 'athena:GetWorkGroup', wg, { 'aws:resourcetag/team': '' })).toBe('implicitDeny');
  });

  it('everything but a service, by NotAction', () => {
    const policy = { Version, Statement: { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' } };
    expect(ask([policy], 's3:GetObject', 'arn:aws:s3:::b/k')).toBe('allowed');
    expect(ask([policy], 'iam:PassRole', 'arn:aws:iam::1:role/x')).toBe('implicitDeny');
  });

  it('variables mean nothing before version 2012-10-17', () => {
    const Statement = { Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::b/${aws:username}' };
    const alice = { 'aws:username': 'alice' };
    expect(ask([{ Statement }], 's3:GetObject', 'arn:aws:s3:::b/alice', alice)).toBe('implicitDeny');
    expect(ask([{ Statement }], 's3:GetObject', 'arn:aws:s3:::b/${aws:username}', alice)).toBe('allowed');
  });

  it('a NotResource with a variable that has no value: a Deny spares nothing, an Allow gives nothing', () => {
    const on = (Effect: string) => ({
      Version,
      Statement: { Effect, Action: '*', NotResource: 'arn:aws:s3:::b/${aws:PrincipalTag/team}/*' },
    });
    expect(ask([on('Allow')], 's3:GetObject', 'arn:aws:s3:::b/x')).toBe('implicitDeny');
    expect(ask([on('Deny')], 's3:GetObject', 'arn:aws:s3:::b/x')).toBe('explicitDeny');
  });
});

const names = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '?', 'A');
const actions = names.map((name) => `s:${name}`);
const resources = names.map((name) => (name === '*' ? '*' : `arn:aws:s:::${name}`));
const statement = fc.record({
  Effect: fc.constantFrom('Allow', 'Deny'),
  Action: fc.array(actions, { minLength: 1, maxLength: 2 }),
  Resource: fc.array(resources, { minLength: 1, maxLength: 2 }),
});
const policy = fc.array(statement, { minLength: 1, maxLength: 4 }).map((Statement) => ({ Version, Statement }));
const question = fc.tuple(
  fc.constantFrom('s:a', 's:b', 's:AB'),
  fc.constantFrom('arn:aws:s:::a', 'arn:aws:s:::ab', '*'),
);

describe('whatever the policies', () => {
  it('a Deny that applies wins', () => {
    fc.assert(
      fc.property(fc.array(policy, { maxLength: 3 }), question, (policies, [action, resource]) => {
        const deny = { Version, Statement: { Effect: 'Deny', Action: action, Resource: '*' } };
        expect(ask([...policies, deny], action, resource)).toBe('explicitDeny');
      }),
    );
  });

  it('nothing is allowed that no Allow names', () => {
    fc.assert(
      fc.property(fc.array(policy, { maxLength: 3 }), question, (policies, [action, resource]) => {
        const onlyDenies = policies.map(({ Statement }) => ({
          Version,
          Statement: Statement.map((one) => ({ ...one, Effect: 'Deny' })),
        }));
        expect(ask(onlyDenies, action, resource)).not.toBe('allowed');
      }),
    );
  });

  it('the order of statements, and how they are spread over policies, is of no account', () => {
    fc.assert(
      fc.property(policy, question, fc.integer(), ({ Statement }, [action, resource], seed) => {
        const shuffled = Statement.toSorted((left, right) =>
          JSON.stringify([seed, left]) < JSON.stringify([seed, right]) ? 1 : -1,
        );
        const together = ask([{ Version, Statement }], action, resource);
        expect(ask([{ Version, Statement: shuffled }], action, resource)).toBe(together);
        expect(
          ask(
            shuffled.map((one) => ({ Version, Statement: one })),
            action,
            resource,
          ),
        ).toBe(together);
      }),
    );
  });

  it('NotAction and NotResource complement Action and Resource', () => {
    fc.assert(
      fc.property(statement, question, ({ Action, Resource }, [action, resource]) => {
        const allows = (change: object) =>
          ask([{ Version, Statement: { Effect: 'Allow', ...change } }], action, resource) === 'allowed';
        expect(allows({ NotAction: Action, Resource: '*' })).toBe(!allows({ Action, Resource: '*' }));
        expect(allows({ Action: '*', NotResource: Resource })).toBe(!allows({ Action: '*', Resource }));
      }),
    );
  });

  it('the case of an action is of no account, that of a resource is', () => {
    fc.assert(
      fc.property(policy, question, (one, [action, resource]) => {
        expect(ask([one], action.toUpperCase(), resource)).toBe(ask([one], action.toLowerCase(), resource));
      }),
    );
    const upper = { Version, Statement: { Effect: 'Allow', Action: '*', Resource: 'arn:aws:s3:::A' } };
    expect(ask([upper], 's3:x', 'arn:aws:s3:::a')).toBe('implicitDeny');
  });
});
