import { randomUUID } from 'node:crypto';
import {
  GetCalculationExecutionCodeCommand,
  GetCalculationExecutionCommand,
  GetCalculationExecutionStatusCommand,
  GetSessionCommand,
  GetSessionStatusCommand,
  ListApplicationDPUSizesCommand,
  ListCalculationExecutionsCommand,
  ListEngineVersionsCommand,
  ListExecutorsCommand,
  ListNotebookMetadataCommand,
  StartCalculationExecutionCommand,
  StopCalculationExecutionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.remove();
});

const SessionId = randomUUID();
const CalculationExecutionId = randomUUID();

describe('what is not there', () => {
  it('as a session is InvalidRequestException for calculation calls', async () => {
    const refused = { name: 'InvalidRequestException' };
    await expect(
      server.athena.send(new StartCalculationExecutionCommand({ SessionId, CodeBlock: '1' })),
    ).rejects.toMatchObject(refused);
    await expect(server.athena.send(new ListCalculationExecutionsCommand({ SessionId }))).rejects.toMatchObject(
      refused,
    );
  });

  it('is ResourceNotFoundException elsewhere', async () => {
    const missing = { name: 'ResourceNotFoundException' };
    await expect(server.athena.send(new GetSessionCommand({ SessionId }))).rejects.toMatchObject({
      ...missing,
      ResourceName: SessionId,
    });
    await expect(server.athena.send(new GetSessionStatusCommand({ SessionId }))).rejects.toMatchObject(missing);
    await expect(server.athena.send(new TerminateSessionCommand({ SessionId }))).rejects.toMatchObject(missing);
    await expect(server.athena.send(new ListExecutorsCommand({ SessionId }))).rejects.toMatchObject(missing);
    for (const Command of [
      GetCalculationExecutionCommand,
      GetCalculationExecutionStatusCommand,
      GetCalculationExecutionCodeCommand,
      StopCalculationExecutionCommand,
    ]) {
      await expect(server.athena.send(new Command({ CalculationExecutionId })), Command.name).rejects.toMatchObject(
        missing,
      );
    }
  });
});

describe('StartCalculationExecution', () => {
  it('takes code in one place, and no empty code', async () => {
    const both = { SessionId, CodeBlock: '1', CalculationConfiguration: { CodeBlock: '1' } };
    await expect(server.athena.send(new StartCalculationExecutionCommand(both))).rejects.toThrow(/cannot both/);
    await expect(server.athena.send(new StartCalculationExecutionCommand({ SessionId }))).rejects.toThrow(
      /CodeBlock is required/,
    );
  });

  it('takes 68,000 characters and no more', async () => {
    const start = (length: number) =>
      server.athena.send(new StartCalculationExecutionCommand({ SessionId, CodeBlock: 'x'.repeat(length) }));
    await expect(start(68_001)).rejects.toThrow(
      /at 'codeBlock' failed to satisfy constraint: Member must have length less than or equal to 68000/,
    );
    await expect(start(68_000)).rejects.toThrow(/is not found/);
  });
});

describe('lists of what the server has', () => {
  it('name both Spark engine versions, in pages', async () => {
    const all = await server.athena.send(new ListEngineVersionsCommand({}));
    const names = all.EngineVersions?.map((version) => version.SelectedEngineVersion);
    expect(names).toEqual(expect.arrayContaining(['AUTO', 'PySpark engine version 3', 'Apache Spark version 3.5']));
    const first = await server.athena.send(new ListEngineVersionsCommand({ MaxResults: 1 }));
    const second = await server.athena.send(
      new ListEngineVersionsCommand({ MaxResults: 10, NextToken: first.NextToken }),
    );
    expect([...(first.EngineVersions ?? []), ...(second.EngineVersions ?? [])]).toEqual(all.EngineVersions);
  });

  it('name the DPU sizes of the notebook runtime', async () => {
    const { ApplicationDPUSizes } = await server.athena.send(new ListApplicationDPUSizesCommand({}));
    expect(ApplicationDPUSizes).toEqual([
      { ApplicationRuntimeId: 'Athena notebook version 1', SupportedDPUSizes: [1] },
    ]);
  });
});

describe('an operation that is not built', () => {
  it('says so, and where to look', async () => {
    await expect(server.athena.send(new ListNotebookMetadataCommand({ WorkGroup: 'primary' }))).rejects.toMatchObject({
      name: 'NotImplementedException',
      message: expect.stringMatching(/ListNotebookMetadata.*docs\/coverage.md/),
    });
  });
});
