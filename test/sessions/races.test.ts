import { randomUUID } from 'node:crypto';
import {
  CreateWorkGroupCommand,
  DeleteWorkGroupCommand,
  GetSessionCommand,
  GetWorkGroupCommand,
  ListCalculationExecutionsCommand,
  ListTagsForResourceCommand,
  StartCalculationExecutionCommand,
  StartSessionCommand,
  type StartSessionCommandInput,
  type StartSessionCommandOutput,
  TagResourceCommand,
  UpdateWorkGroupCommand,
} from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Databases, dialects } from '../store/databases.ts';
import { waitForCalculation, waitForSession } from '../support/calculations.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const AT_ONCE = 12;
const spark = { EngineVersion: { SelectedEngineVersion: 'PySpark engine version 3' } };

const times = <Result>(count: number, work: (index: number) => Promise<Result>) =>
  Promise.allSettled(Array.from({ length: count }, (_, index) => work(index)));

const succeeded = <Result>(results: readonly PromiseSettledResult<Result>[]): Result[] =>
  results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));

const failures = (results: readonly PromiseSettledResult<unknown>[]): unknown[] =>
  results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));

for (const { title, skip, open } of dialects)
  describe.skipIf(skip)(`calls at the same time, ${title}`, () => {
    let databases: Databases;
    let server: TestServer;

    beforeAll(async () => {
      databases = await open();
      server = await startTestServer({ 'database-url': await databases.newUrl(), 'max-sessions': '2' });
    });
    afterAll(async () => {
      await server?.remove();
      await databases?.remove();
    });

    /** A session that fails before it has a driver; it counts against limits until then. */
    const refused = { SparkProperties: { 'spark.master': 'refused' } };
    const start = (input: Partial<StartSessionCommandInput>): Promise<StartSessionCommandOutput> =>
      server.athena.send(new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: refused, ...input }));
    const create = (Name: string) => server.athena.send(new CreateWorkGroupCommand({ Name, Configuration: spark }));
    /** Ends what waits for nothing else, so that the next test finds room. */
    const untilAllEnded = async (results: readonly PromiseSettledResult<StartSessionCommandOutput>[]) => {
      for (const { SessionId } of succeeded(results)) await waitForSession(server, SessionId as string, ['FAILED']);
    };

    it('with one token start one session, and get one reply', async () => {
      await create('tokens');
      const started = new Set<string | undefined>();
      for (let round = 1; round <= 5; round += 1) {
        const ClientRequestToken = randomUUID();
        const results = await times(AT_ONCE, () => start({ WorkGroup: 'tokens', ClientRequestToken }));
        expect(failures(results)).toEqual([]);
        for (const { SessionId } of succeeded(results)) started.add(SessionId);
        expect(started.size).toBe(round);
        await untilAllEnded(results);
      }
    });

    it('create a workgroup once', async () => {
      const results = await times(AT_ONCE, () => create('created'));
      expect(succeeded(results)).toHaveLength(1);
      for (const failure of failures(results)) {
        expect(failure).toMatchObject({ name: 'InvalidRequestException', message: expect.stringContaining('already') });
      }
    });

    it('update a workgroup without losing what another updates', async () => {
      await create('updated');
      const updates = [
        { BytesScannedCutoffPerQuery: 20_000_000 },
        { PublishCloudWatchMetricsEnabled: true },
        { RequesterPaysEnabled: true },
        { EnforceWorkGroupConfiguration: true },
      ];
      const results = await times(updates.length, (index) =>
        server.athena.send(new UpdateWorkGroupCommand({ WorkGroup: 'updated', ConfigurationUpdates: updates[index] })),
      );
      expect(failures(results)).toEqual([]);
      const { WorkGroup } = await server.athena.send(new GetWorkGroupCommand({ WorkGroup: 'updated' }));
      expect(WorkGroup?.Configuration).toMatchObject(Object.assign({}, ...updates));
    });

    it('put no more tags on a resource than it may have', async () => {
      await create('tagged');
      const ResourceARN = 'arn:aws:athena:us-east-1:123456789012:workgroup/tagged';
      await times(AT_ONCE, (index) => {
        const Tags = Array.from({ length: 8 }, (_, tag) => ({ Key: `${index}-${tag}`, Value: '' }));
        return server.athena.send(new TagResourceCommand({ ResourceARN, Tags }));
      });
      const { Tags } = await server.athena.send(new ListTagsForResourceCommand({ ResourceARN, MaxResults: 75 }));
      expect(Tags).toHaveLength(48);
    });

    it('leave no session in a workgroup that was deleted meanwhile', async () => {
      for (let round = 0; round < 8; round += 1) {
        const WorkGroup = `deleted-${round}`;
        await create(WorkGroup);
        const starts = times(AT_ONCE, () => start({ WorkGroup }));
        const remove = new DeleteWorkGroupCommand({ WorkGroup, RecursiveDeleteOption: round % 2 === 0 });
        const [deletion] = await Promise.allSettled([server.athena.send(remove)]);
        const results = await starts;
        if (deletion.status === 'rejected') {
          expect(deletion.reason).toMatchObject({ message: `WorkGroup ${WorkGroup} is not empty` });
          await untilAllEnded(results);
          await server.athena.send(new DeleteWorkGroupCommand({ WorkGroup, RecursiveDeleteOption: true }));
        }
        for (const { SessionId } of succeeded(results)) {
          await expect(server.athena.send(new GetSessionCommand({ SessionId }))).rejects.toMatchObject({
            name: 'ResourceNotFoundException',
          });
        }
      }
    });

    it('with one notebook start one session, which takes one calculation at a time, and none beyond the limit', async () => {
      const notebook = {
        NotebookVersion: 'Athena notebook version 1',
        EngineConfiguration: { MaxConcurrentDpus: 2, AdditionalConfigs: { NotebookId: randomUUID() } },
      };
      const starts = await times(AT_ONCE, () => start(notebook));
      expect(succeeded(starts)).toHaveLength(1);
      for (const failure of failures(starts)) expect(failure).toMatchObject({ name: 'SessionAlreadyExistsException' });
      const SessionId = succeeded(starts)[0]?.SessionId as string;
      await waitForSession(server, SessionId, ['IDLE']);
      const run = (CodeBlock: string, ClientRequestToken?: string) =>
        server.athena.send(new StartCalculationExecutionCommand({ SessionId, CodeBlock, ClientRequestToken }));
      const results = await times(AT_ONCE, (index) => run(`${index}`));
      const [won] = succeeded(results);
      expect(succeeded(results)).toHaveLength(1);
      for (const failure of failures(results)) {
        expect(failure).toMatchObject({ message: expect.stringContaining('Session is in the BUSY state') });
      }
      await waitForCalculation(server, won?.CalculationExecutionId as string);
      const token = randomUUID();
      const repeated = await times(AT_ONCE, () => run('1', token));
      expect(failures(repeated)).toEqual([]);
      expect(new Set(succeeded(repeated).map((reply) => reply.CalculationExecutionId)).size).toBe(1);
      await waitForCalculation(server, succeeded(repeated)[0]?.CalculationExecutionId as string);
      const { Calculations } = await server.athena.send(new ListCalculationExecutionsCommand({ SessionId }));
      expect(Calculations).toHaveLength(2);

      const more = await times(AT_ONCE, () => start({ EngineConfiguration: { MaxConcurrentDpus: 2 } }));
      expect(succeeded(more)).toHaveLength(1);
      for (const failure of failures(more)) expect(failure).toMatchObject({ name: 'TooManyRequestsException' });
    });
  });
