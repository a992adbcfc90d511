import {
  CreateWorkGroupCommand,
  DeleteWorkGroupCommand,
  GetSessionCommand,
  GetWorkGroupCommand,
  ListSessionsCommand,
  ListTagsForResourceCommand,
  ListWorkGroupsCommand,
  StartSessionCommand,
  type StartSessionCommandInput,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateWorkGroupCommand,
} from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitForSession } from '../support/calculations.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.remove();
});

const spark = { EngineVersion: { SelectedEngineVersion: 'Apache Spark version 3.5' } };
const arnOf = (name: string) => `arn:aws:athena:us-east-1:123456789012:workgroup/${name}`;
const refusal = (message: string | RegExp) => ({
  name: 'InvalidRequestException',
  AthenaErrorCode: 'INVALID_INPUT',
  message: expect.stringMatching(message),
});

/** A session that fails before it has a driver: as good as any where no code is to run. */
async function startRefusedSession(input: Partial<StartSessionCommandInput> = {}): Promise<string> {
  const { SessionId } = await server.athena.send(
    new StartSessionCommand({
      WorkGroup: 'primary',
      EngineConfiguration: { SparkProperties: { 'spark.master': 'refused' } },
      ...input,
    }),
  );
  await waitForSession(server, SessionId as string, ['FAILED']);
  return SessionId as string;
}

describe('workgroups', () => {
  it('primary is there from the first start, for Spark, and stays', async () => {
    const { WorkGroup } = await server.athena.send(new GetWorkGroupCommand({ WorkGroup: 'primary' }));
    expect(WorkGroup).toMatchObject({ Name: 'primary', State: 'ENABLED' });
    expect(WorkGroup?.Configuration?.EngineVersion?.EffectiveEngineVersion).toBe('PySpark engine version 3');
    await expect(server.athena.send(new DeleteWorkGroupCommand({ WorkGroup: 'primary' }))).rejects.toMatchObject(
      refusal('primary'),
    );
  });

  it('are created once, described, updated and deleted', async () => {
    const create = new CreateWorkGroupCommand({
      Name: 'team',
      Description: 'first',
      Configuration: { ...spark, ResultConfiguration: { OutputLocation: 's3://team-results/a/' } },
    });
    await server.athena.send(create);
    await expect(server.athena.send(create)).rejects.toMatchObject(refusal('^WorkGroup team is already created$'));
    await server.athena.send(
      new UpdateWorkGroupCommand({
        WorkGroup: 'team',
        Description: 'second',
        State: 'DISABLED',
        ConfigurationUpdates: { ResultConfigurationUpdates: { OutputLocation: 's3://team-results/b/' } },
      }),
    );
    const { WorkGroup } = await server.athena.send(new GetWorkGroupCommand({ WorkGroup: 'team' }));
    expect(WorkGroup).toMatchObject({
      Description: 'second',
      State: 'DISABLED',
      Configuration: { ResultConfiguration: { OutputLocation: 's3://team-results/b/' } },
    });
    expect(WorkGroup?.CreationTime).toBeInstanceOf(Date);
    await expect(startRefusedSession({ WorkGroup: 'team' })).rejects.toMatchObject(refusal('disabled'));
    await server.athena.send(new DeleteWorkGroupCommand({ WorkGroup: 'team' }));
    await expect(server.athena.send(new GetWorkGroupCommand({ WorkGroup: 'team' }))).rejects.toMatchObject(
      refusal('^WorkGroup team is not found.$'),
    );
  });

  it('for SQL take no sessions', async () => {
    await server.athena.send(new CreateWorkGroupCommand({ Name: 'sql' }));
    await expect(startRefusedSession({ WorkGroup: 'sql' })).rejects.toMatchObject(
      refusal('^Workgroup EngineVersion is not Spark.$'),
    );
    await server.athena.send(new DeleteWorkGroupCommand({ WorkGroup: 'sql' }));
  });

  it('with sessions are deleted only with RecursiveDeleteOption, and their sessions with them', async () => {
    await server.athena.send(new CreateWorkGroupCommand({ Name: 'full', Configuration: spark }));
    const SessionId = await startRefusedSession({ WorkGroup: 'full' });
    await expect(server.athena.send(new DeleteWorkGroupCommand({ WorkGroup: 'full' }))).rejects.toMatchObject(
      refusal('not empty'),
    );
    await server.athena.send(new DeleteWorkGroupCommand({ WorkGroup: 'full', RecursiveDeleteOption: true }));
    await expect(server.athena.send(new GetSessionCommand({ SessionId }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('are listed by name, in pages that join to all', async () => {
    for (const name of ['page-c', 'page-a', 'page-b']) {
      await server.athena.send(new CreateWorkGroupCommand({ Name: name, Configuration: spark }));
    }
    const names: (string | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const page = await server.athena.send(new ListWorkGroupsCommand({ MaxResults: 2, NextToken }));
      names.push(...(page.WorkGroups ?? []).map((group) => group.Name));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(names).toEqual(['page-a', 'page-b', 'page-c', 'primary']);
    await expect(server.athena.send(new ListWorkGroupsCommand({ NextToken: 'rubbish' }))).rejects.toMatchObject(
      refusal('NextToken'),
    );
  });

  it('give a session their engine version, results location and encryption', async () => {
    const encryption = { EncryptionOption: 'SSE_KMS' as const, KmsKey: 'arn:aws:kms:us-east-1:123456789012:key/k' };
    await server.athena.send(
      new CreateWorkGroupCommand({
        Name: 'kms',
        Configuration: {
          ...spark,
          ResultConfiguration: { OutputLocation: 's3://kms-results/x', EncryptionConfiguration: encryption },
        },
      }),
    );
    const session = await server.athena.send(
      new GetSessionCommand({ SessionId: await startRefusedSession({ WorkGroup: 'kms' }) }),
    );
    expect(session.EngineVersion).toBe('Apache Spark version 3.5');
    expect(session.SessionConfiguration).toMatchObject({
      WorkingDirectory: expect.stringMatching(/^s3:\/\/kms-results\/x\//),
      EncryptionConfiguration: encryption,
      IdleTimeoutSeconds: 1200,
      ExecutionRole: expect.stringMatching(/^arn:aws:iam::123456789012:role\//),
    });
  });
});

describe('tags', () => {
  it('are put, replaced, listed and removed', async () => {
    const ResourceARN = arnOf('primary');
    const tags = async () => (await server.athena.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags;
    await server.athena.send(
      new TagResourceCommand({
        ResourceARN,
        Tags: [
          { Key: 'b', Value: '1' },
          { Key: 'a', Value: '' },
        ],
      }),
    );
    await server.athena.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: 'b', Value: '2' }] }));
    expect(await tags()).toEqual([
      { Key: 'a', Value: '' },
      { Key: 'b', Value: '2' },
    ]);
    await server.athena.send(new UntagResourceCommand({ ResourceARN, TagKeys: ['a', 'unknown'] }));
    expect(await tags()).toEqual([{ Key: 'b', Value: '2' }]);
  });

  it('refuse reserved and repeated keys, too many, and resources that are not there', async () => {
    const tag = (ResourceARN: string, Tags: { Key: string; Value?: string }[]) =>
      server.athena.send(new TagResourceCommand({ ResourceARN, Tags }));
    await expect(tag(arnOf('primary'), [{ Key: 'aws:x' }])).rejects.toMatchObject(refusal('reserved'));
    await expect(tag(arnOf('primary'), [{ Key: 'x' }, { Key: 'x' }])).rejects.toMatchObject(refusal('Duplicate'));
    const many = Array.from({ length: 51 }, (_, index) => ({ Key: `k${index}` }));
    await expect(tag(arnOf('primary'), many)).rejects.toMatchObject(refusal('50'));
    await expect(tag(arnOf('nowhere'), [{ Key: 'x' }])).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      ResourceName: arnOf('nowhere'),
    });
    await expect(tag('arn:aws:s3:::bucket', [{ Key: 'x' }])).rejects.toMatchObject(refusal('ARN'));
  });

  it('of a session come from its call and, if asked, from its workgroup', async () => {
    const SessionId = await startRefusedSession({ Tags: [{ Key: 'own', Value: 'x' }], CopyWorkGroupTags: true });
    const ResourceARN = `${arnOf('primary')}/session/${SessionId}`;
    const { Tags } = await server.athena.send(new ListTagsForResourceCommand({ ResourceARN }));
    expect(Tags).toEqual([
      { Key: 'b', Value: '2' },
      { Key: 'own', Value: 'x' },
    ]);
  });
});

describe('sessions', () => {
  it('are listed active ones first asked for, ended ones by their state', async () => {
    const SessionId = await startRefusedSession({ Description: 'listed' });
    const active = await server.athena.send(new ListSessionsCommand({ WorkGroup: 'primary' }));
    expect(active.Sessions).toEqual([]);
    const failed = await server.athena.send(
      new ListSessionsCommand({ WorkGroup: 'primary', StateFilter: 'FAILED', MaxResults: 1 }),
    );
    expect(failed.Sessions).toMatchObject([{ SessionId, Description: 'listed', Status: { State: 'FAILED' } }]);
    expect(failed.NextToken).toBeDefined();
    await expect(server.athena.send(new ListSessionsCommand({ WorkGroup: 'nowhere' }))).rejects.toMatchObject(
      refusal('not found'),
    );
  });

  it('of notebooks follow the rules of NotebookVersion', async () => {
    const NotebookId = '0f2b8f5c-7f0a-4a58-9d0e-6f7d5a6f9a10';
    const EngineConfiguration = { AdditionalConfigs: { NotebookId }, SparkProperties: { 'spark.master': 'refused' } };
    await expect(startRefusedSession({ EngineConfiguration })).rejects.toMatchObject(
      refusal('^NotebookVersion is required when NotebookId is provided.$'),
    );
    await expect(
      startRefusedSession({ EngineConfiguration, NotebookVersion: 'Athena notebook version 2' }),
    ).rejects.toMatchObject(refusal('Athena notebook version 1'));
    await expect(startRefusedSession({ NotebookVersion: 'Athena notebook version 1' })).rejects.toMatchObject(
      refusal('NotebookId'),
    );
    const SessionId = await startRefusedSession({ EngineConfiguration, NotebookVersion: 'Athena notebook version 1' });
    const session = await server.athena.send(new GetSessionCommand({ SessionId }));
    expect(session.NotebookVersion).toBe('Athena notebook version 1');
    expect(session.EngineConfiguration?.AdditionalConfigs).toEqual({ NotebookId });
  });
});
