// biome-ignore-all lint/suspicious/noTemplateCurlyInString: IAM writes its variables like this
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PolicyError, parsePolicy } from '../../../src/access/policies/policy.ts';

const statement = { Effect: 'Allow', Action: 'athena:*', Resource: '*' };
const withStatement = (change: object) => ({
  Version: '2012-10-17',
  Statement: [statement, { ...statement, ...change }],
});

describe('parsePolicy', () => {
  it('reads a statement alone and a list of them, with Sid and Id', () => {
    expect(parsePolicy({ Version: '2012-10-17', Statement: statement }).statements).toHaveLength(1);
    expect(parsePolicy({ Id: 'x', Statement: [{ Sid: 'A1', ...statement }, statement] }).statements).toHaveLength(2);
    expect(parsePolicy(JSON.stringify({ Version: '2008-10-17', Statement: [statement] })).statements).toHaveLength(1);
  });

  it.each<[unknown, string]>([
    ['{', 'The policy is not JSON'],
    [[], 'The policy is no JSON object'],
    [{}, 'The policy has no Statement'],
    [{ Version: '2012-10-18', Statement: [statement] }, 'Version: must be 2012-10-17 or 2008-10-17'],
    [{ Statement: [] }, 'Statement: is empty'],
    [{ Statement: 'x' }, 'Statement: must be an object'],
    [{ Statements: [statement] }, 'Statements: is no element of policies'],
    [withStatement({ Effect: 'allow' }), 'Statement[1].Effect: must be Allow or Deny'],
    [withStatement({ Principal: '*' }), 'Statement[1].Principal: Policy document should not specify a principal.'],
    [withStatement({ Ressource: '*' }), 'Statement[1].Ressource: is no element of policies'],
    [withStatement({ Action: undefined }), 'Statement[1].Action: must be text'],
    [withStatement({ NotAction: 'x:y' }), 'Statement[1]: has both Action and NotAction'],
    [withStatement({ Action: [] }), 'Statement[1].Action: is empty'],
    [withStatement({ Action: ['athena:*', 'StartSession'] }), 'Statement[1].Action[1]: "StartSession" is no action'],
    [withStatement({ Resource: 'workgroup/x' }), 'Statement[1].Resource: "workgroup/x" is no ARN and not *'],
    [
      withStatement({ Resource: ['*', 'arn:aws:s3:::${aws:x'] }),
      'Statement[1].Resource[1]: ${aws:x is no policy variable',
    ],
    [withStatement({ Sid: 'a b' }), 'Statement[1].Sid: must be letters and digits'],
    [
      {
        Statement: [
          { Sid: 'A', ...statement },
          { Sid: 'A', ...statement },
        ],
      },
      'Statement[1].Sid: "A" is there twice',
    ],
    [withStatement({ Condition: [] }), 'Statement[1].Condition: must be an object'],
    [
      withStatement({ Condition: { StringEqualz: { 'aws:x': 'y' } } }),
      'Statement[1].Condition.StringEqualz.aws:x: StringEqualz is no condition operator',
    ],
    [
      withStatement({ Condition: { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', 'x'] } } }),
      'Statement[1].Condition.IpAddress.aws:SourceIp: "x" is no IP address',
    ],
    [withStatement({ Condition: { Bool: { 'aws:x': [{}] } } }), 'Statement[1].Condition.Bool.aws:x[0]: must be text'],
  ])('refuses %j and names the place', (document, message) => {
    expect(() => parsePolicy(document)).toThrow(PolicyError);
    expect(() => parsePolicy(document)).toThrow(message);
  });

  it('takes numbers and booleans without quotation marks', () => {
    const Condition = { Bool: { 'aws:SecureTransport': false }, NumericLessThan: { 's3:max-keys': 10 } };
    expect(parsePolicy(withStatement({ Condition })).statements).toHaveLength(2);
  });

  it('takes any JSON for a policy or refuses it, and fails of none', () => {
    const words = [
      'Statement',
      'Effect',
      'Action',
      'Resource',
      'Condition',
      'Sid',
      'Allow',
      'a:b',
      '*',
      '${aws:x}',
      'Bool',
    ];
    const text = fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 }));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        text,
        fc.constantFrom(null, true, 1, -0.5),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(text, tie('value'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(value, (document) => {
        for (const one of [
          document,
          { Statement: document },
          withStatement({ Condition: document }),
          withStatement({ Action: document }),
        ]) {
          try {
            parsePolicy(one);
          } catch (error) {
            expect(error).toBeInstanceOf(PolicyError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('knows which keys it asks for', () => {
    const Condition = { StringEquals: { 'aws:ResourceTag/Team': '${aws:PrincipalTag/Team}' } };
    expect([...parsePolicy(withStatement({ Condition })).keys]).toEqual([
      'aws:resourcetag/team',
      'aws:principaltag/team',
    ]);
  });
});
