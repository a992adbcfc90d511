import {
  CreateWorkGroupCommand,
  GetCalculationExecutionCommand,
  GetSessionCommand,
  GetSessionStatusCommand,
  GetWorkGroupCommand,
  ListCalculationExecutionsCommand,
  ListExecutorsCommand,
  ListSessionsCommand,
  ListTagsForResourceCommand,
  ListWorkGroupsCommand,
  StartCalculationExecutionCommand,
  StartSessionCommand,
  type StartSessionCommandInput,
  StopCalculationExecutionCommand,
  TagResourceCommand,
  TerminateSessionCommand,
  UntagResourceCommand,
  UpdateWorkGroupCommand,
} from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitForSession } from '../../support/calculations.ts';
import { startTestServer, type TestServer } from '../../support/server.ts';
import {
  access,
  allow,
  attach,
  deny,
  newUser,
  type Person,
  policyFile,
  roleArn,
  userArn,
  workGroupArn,
} from './people.ts';

let server: TestServer;
let session: Record<'ours' | 'theirs', string>;

const spark = { EngineVersion: { SelectedEngineVersion: 'Apache Spark version 3.5' } };
/** A session that fails before it has a driver: as good as any where no code is to run. */
const EngineConfiguration = { SparkProperties: { 'spark.master': 'refused' } };
const unknown = '11111111-2222-4333-8444-555555555555';
const denied = { name: 'AccessDeniedException' };

beforeAll(async () => {
  server = await startTestServer();
  for (const Name of ['ours', 'theirs']) {
    await server.athena.send(
      new CreateWorkGroupCommand({ Name, Configuration: spark, Tags: [{ Key: 'Team', Value: Name }] }),
    );
  }
  session = { ours: await startBy(server, 'ours'), theirs: await startBy(server, 'theirs') };
});
afterAll(async () => {
  await server.remove();
});

async function startBy(
  { athena }: Pick<Person, 'athena'>,
  WorkGroup: string,
  more: Partial<StartSessionCommandInput> = {},
): Promise<string> {
  const { SessionId } = await athena.send(new StartSessionCommand({ WorkGroup, EngineConfiguration, ...more }));
  await waitForSession(server, SessionId as string, ['FAILED']);
  return SessionId as string;
}

/** As Athena says it where it does not name the resource. */
const unnamed = (operation: string) => ({
  ...denied,
  message: `You are not authorized to perform: athena:${operation} on the resource. After your AWS administrator or you have updated your permissions, please try again.`,
});

describe('a policy on one workgroup', () => {
  let ours: Person;
  beforeAll(async () => {
    ours = await newUser(server, 'ours', [
      allow('athena:*', workGroupArn('ours')),
      allow(['athena:ListWorkGroups', 'athena:ListEngineVersions']),
    ]);
  });

  it('gives its sessions and calculations, and nothing of others', async () => {
    const SessionId = await startBy(ours, 'ours');
    const mine = [
      new GetSessionCommand({ SessionId }),
      new GetSessionStatusCommand({ SessionId }),
      new ListSessionsCommand({ WorkGroup: 'ours' }),
      new ListCalculationExecutionsCommand({ SessionId }),
      new ListExecutorsCommand({ SessionId }),
      new TerminateSessionCommand({ SessionId }),
    ];
    for (const command of mine) await ours.athena.send(command as GetSessionCommand);
    await expect(startBy(ours, 'theirs')).rejects.toMatchObject(denied);
    await expect(ours.athena.send(new ListSessionsCommand({ WorkGroup: 'theirs' }))).rejects.toMatchObject({
      message: `User: ${userArn('ours')} is not authorized to perform: athena:ListSessions on resource: ${workGroupArn('theirs')} because no identity-based policy allows the athena:ListSessions action`,
    });
  });

  it.each([
    ['GetSession', (id: string) => new GetSessionCommand({ SessionId: id })],
    ['GetSessionStatus', (id: string) => new GetSessionStatusCommand({ SessionId: id })],
    ['TerminateSession', (id: string) => new TerminateSessionCommand({ SessionId: id })],
    ['ListExecutors', (id: string) => new ListExecutorsCommand({ SessionId: id })],
    ['ListCalculationExecutions', (id: string) => new ListCalculationExecutionsCommand({ SessionId: id })],
    [
      'StartCalculationExecution',
      (id: string) => new StartCalculationExecutionCommand({ SessionId: id, CodeBlock: '1' }),
    ],
  ])('%s tells the same of a session elsewhere and of one that is nowhere', async (operation, commandOn) => {
    const send = (id: string) => ours.athena.send(commandOn(id) as GetSessionCommand);
    await expect(send(session.theirs)).rejects.toMatchObject(unnamed(operation));
    await expect(send(unknown)).rejects.toMatchObject(unnamed(operation));
    // Who may see everything is told.
    await expect(server.athena.send(commandOn(unknown) as GetSessionCommand)).rejects.toMatchObject({
      name: expect.stringMatching(/ResourceNotFoundException|InvalidRequestException/),
    });
  });

  it('tells nothing of calculations that are nowhere', async () => {
    for (const command of [
      new GetCalculationExecutionCommand({ CalculationExecutionId: unknown }),
      new StopCalculationExecutionCommand({ CalculationExecutionId: unknown }),
    ]) {
      await expect(ours.athena.send(command as GetCalculationExecutionCommand)).rejects.toMatchObject(denied);
    }
  });

  it('lists all workgroups to who may list them, as AWS does', async () => {
    const { WorkGroups } = await ours.athena.send(new ListWorkGroupsCommand());
    expect(WorkGroups?.map(({ Name }) => Name)).toEqual(['ours', 'primary', 'theirs']);
  });

  it('does not reach a session through the ARN of a workgroup that it is not in', async () => {
    const ResourceARN = `${workGroupArn('ours')}/session/${session.theirs}`;
    const tags = (arn: string) => ours.athena.send(new ListTagsForResourceCommand({ ResourceARN: arn }));
    await expect(tags(ResourceARN)).rejects.toMatchObject(denied);
    const wide = await newUser(server, 'wide', [allow('athena:*', `${workGroupArn('ours')}*`)]);
    await expect(wide.athena.send(new ListTagsForResourceCommand({ ResourceARN }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    expect((await tags(workGroupArn('ours'))).Tags).toEqual([{ Key: 'Team', Value: 'ours' }]);
    await expect(tags(workGroupArn('theirs'))).rejects.toMatchObject(denied);
  });
});

describe('an explicit deny', () => {
  it('wins, also where it names a workgroup by the ARN of another partition', async () => {
    const person = await newUser(server, 'barred', [allow('*'), deny('athena:*Tag*', workGroupArn('theirs'))]);
    const tag = (ResourceARN: string) =>
      person.athena.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: 'x', Value: 'y' }] }));
    await tag(workGroupArn('ours'));
    for (const arn of [workGroupArn('theirs'), workGroupArn('theirs').replace('arn:aws:', 'arn:aws-us-gov:')]) {
      await expect(tag(arn)).rejects.toMatchObject({
        ...denied,
        message: `User: ${userArn('barred')} is not authorized to perform: athena:TagResource on resource: ${workGroupArn('theirs')} with an explicit deny in an identity-based policy`,
      });
    }
  });
});

describe('tags', () => {
  it('of a workgroup decide, also against the caller’s own', async () => {
    const person = await newUser(
      server,
      'tagged',
      [allow('athena:*', '*', { StringEquals: { 'aws:ResourceTag/team': `\${aws:PrincipalTag/team}` } })],
      ['team=ours'],
    );
    await person.athena.send(new GetWorkGroupCommand({ WorkGroup: 'ours' }));
    await person.athena.send(new GetSessionCommand({ SessionId: session.ours }));
    await expect(person.athena.send(new GetWorkGroupCommand({ WorkGroup: 'theirs' }))).rejects.toMatchObject(denied);
    await access(server, 'tag-user', 'tagged', 'team=theirs');
    await person.athena.send(new GetWorkGroupCommand({ WorkGroup: 'theirs' }));
    await expect(person.athena.send(new GetSessionCommand({ SessionId: session.ours }))).rejects.toMatchObject(denied);
  });

  it('of a session decide: everybody ends their own', async () => {
    const own = { StringEquals: { 'aws:ResourceTag/Owner': `\${aws:username}` } };
    const [anna, bert] = await Promise.all(
      ['anna', 'bert'].map((name) =>
        newUser(server, name, [
          allow(['athena:StartSession', 'athena:TagResource']),
          allow('athena:TerminateSession', '*', own),
        ]),
      ),
    );
    const SessionId = await startBy(anna as Person, 'ours', { Tags: [{ Key: 'Owner', Value: 'anna' }] });
    const end = ({ athena }: Person) => athena.send(new TerminateSessionCommand({ SessionId }));
    await expect(end(bert as Person)).rejects.toMatchObject(unnamed('TerminateSession'));
    await end(anna as Person);
  });

  it('of a request decide: which may be given, and taken', async () => {
    const person = await newUser(server, 'tagger', [
      allow('athena:StartSession'),
      allow('athena:TagResource', '*', {
        StringEquals: { 'aws:RequestTag/Team': 'ours' },
        'ForAllValues:StringEquals': { 'aws:TagKeys': ['Team'] },
      }),
      allow('athena:UntagResource', '*', { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['Note'] } }),
    ]);
    const start = (...Tags: { Key: string; Value: string }[]) => startBy(person, 'ours', { Tags });
    await start();
    await start({ Key: 'Team', Value: 'ours' });
    await expect(start({ Key: 'Team', Value: 'theirs' })).rejects.toMatchObject({
      ...denied,
      message: expect.stringContaining('athena:TagResource'),
    });
    await expect(start({ Key: 'Team', Value: 'ours' }, { Key: 'x', Value: '' })).rejects.toMatchObject(denied);
    await expect(startBy(person, 'ours', { CopyWorkGroupTags: true })).rejects.toMatchObject(denied);
    const untag = (...TagKeys: string[]) =>
      person.athena.send(new UntagResourceCommand({ ResourceARN: workGroupArn('ours'), TagKeys }));
    await untag('Note');
    await expect(untag('Note', 'Team')).rejects.toMatchObject(denied);
  });
});

describe('conditions on the call', () => {
  let caller: Person;
  beforeAll(async () => {
    caller = await newUser(server, 'caller');
  });

  it.each<[string, object, boolean]>([
    ['source address', { IpAddress: { 'aws:SourceIp': ['127.0.0.0/8', '::1'] } }, true],
    ['another address', { IpAddress: { 'aws:SourceIp': '198.51.100.0/24' } }, false],
    ['TLS', { Bool: { 'aws:SecureTransport': true } }, false],
    ['region', { StringEquals: { 'aws:RequestedRegion': 'us-east-1' } }, true],
    ['time', { DateGreaterThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' } }, true],
    ['time past', { NumericLessThan: { 'aws:EpochTime': 1_577_836_800 } }, false],
    ['name', { StringEquals: { 'aws:username': 'caller' } }, true],
    ['ARN', { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/call*' } }, true],
    ['id', { StringLike: { 'aws:userid': 'AIDA*' } }, true],
  ])('%s', async (_, condition, allowed) => {
    await attach(server, ['--user', 'caller'], 'main', [allow('athena:ListWorkGroups', '*', condition)]);
    const answer = caller.athena.send(new ListWorkGroupsCommand()).then(
      () => true,
      (error: Error) => (error.name === denied.name ? false : error),
    );
    expect(await answer).toBe(allowed);
  });
});

describe('roles', () => {
  const start = (who: Pick<Person, 'athena'>, ExecutionRole?: string, WorkGroup = 'ours') =>
    startBy(who, WorkGroup, { ExecutionRole });

  it('are any, until one is configured; then only those, which the caller must be allowed to pass', async () => {
    const person = await newUser(server, 'passer', [allow('athena:*')]);
    await start(person, roleArn('AnyThing'));
    await server.athena.send(
      new CreateWorkGroupCommand({ Name: 'old', Configuration: { ...spark, ExecutionRole: roleArn('Forgotten') } }),
    );
    await access(server, 'create-role', 'Analyst', '--policy', policyFile(server, [allow('s3:*')]));
    const noSuch = (name: string) => ({
      name: 'InvalidRequestException',
      message: `executionRole ${roleArn(name)} does not exist. \`parthenon access list-roles\` shows the roles of this server.`,
    });
    await expect(start(person, roleArn('AnyThing'))).rejects.toMatchObject(noSuch('AnyThing'));
    await expect(start(server, roleArn('AnyThing'))).rejects.toMatchObject(noSuch('AnyThing'));
    await expect(start(server, undefined, 'old')).rejects.toMatchObject(noSuch('Forgotten'));
    await start(server, roleArn('Analyst'));
    const refusal = (name: string) => ({
      ...denied,
      message: `User: ${userArn('passer')} is not authorized to perform: iam:PassRole on resource: ${roleArn(name)} because no identity-based policy allows the iam:PassRole action`,
    });
    await expect(start(person, roleArn('Analyst'))).rejects.toMatchObject(refusal('Analyst'));
    // To leave the role out is no way around it.
    await expect(start(person)).rejects.toMatchObject(refusal('ParthenonDefaultExecutionRole'));
    await attach(server, ['--user', 'passer'], 'pass', [
      allow('iam:PassRole', roleArn('Analyst'), { StringEquals: { 'iam:PassedToService': 'athena.amazonaws.com' } }),
    ]);
    await start(person, roleArn('Analyst'));
  });

  it('may be passed by those whom they name, unless a policy denies it', async () => {
    const person = await newUser(server, 'named', [allow('athena:*')]);
    await access(server, 'create-role', 'Shared', '--passable-by', 'named');
    await start(person, roleArn('Shared'));
    await attach(server, ['--user', 'named'], 'no', [deny('iam:PassRole')]);
    await expect(start(person, roleArn('Shared'))).rejects.toMatchObject({
      message: expect.stringContaining('with an explicit deny'),
    });
    await access(server, 'detach-policy', 'no', '--user', 'named');
    await access(server, 'forbid-pass', 'Shared', 'named');
    await expect(start(person, roleArn('Shared'))).rejects.toMatchObject(denied);
    await access(server, 'allow-pass', 'Shared', 'named');
    await start(person, roleArn('Shared'));
  });

  it('of a workgroup were passed by who set them: who starts a session need not', async () => {
    const person = await newUser(server, 'starter', [allow('athena:*')]);
    const update = new UpdateWorkGroupCommand({
      WorkGroup: 'theirs',
      ConfigurationUpdates: { ExecutionRole: roleArn('Analyst') },
    });
    await expect(person.athena.send(update)).rejects.toMatchObject({
      message: expect.stringContaining('iam:PassRole'),
    });
    await server.athena.send(update);
    await start(person, undefined, 'theirs');
    const create = new CreateWorkGroupCommand({
      Name: 'new',
      Configuration: { ...spark, ExecutionRole: roleArn('Analyst') },
    });
    await expect(person.athena.send(create)).rejects.toMatchObject({
      message: expect.stringContaining('iam:PassRole'),
    });
  });

  it('are not any again when the last one goes, unless that is said', async () => {
    for (const role of ['Analyst', 'Shared']) await access(server, 'delete-role', role);
    await expect(start(server, roleArn('AnyThing'))).rejects.toMatchObject({ name: 'InvalidRequestException' });
    await access(server, 'accept-any-role');
    await start(server, roleArn('AnyThing'));
  });
});
