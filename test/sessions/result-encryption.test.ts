import {
  CreateWorkGroupCommand,
  GetSessionCommand,
  TerminateSessionCommand,
  UpdateWorkGroupCommand,
} from '@aws-sdk/client-athena';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, startIdleSession } from '../support/calculations.ts';
import { startOwnS3 } from '../support/own-s3.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const KEY = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const spark = { EngineVersion: { SelectedEngineVersion: 'PySpark engine version 3' } };

/** Keeps its results in its own S3, and stands for the user's own to the other one. */
let storage: TestServer;
let external: TestServer;

beforeAll(async () => {
  const own = await startOwnS3();
  storage = own.storage;
  external = await startTestServer(own.settings);
});
afterAll(async () => {
  await external?.remove();
  await storage?.remove();
});

/** Runs code, ends its session, and reads what S3 states of the three objects that the code left. */
async function statedOf(server: TestServer, SessionId: string, code: string) {
  const { Status, Result } = await run({ ...server, s3: storage.s3 }, SessionId, code);
  expect(Status?.State).toBe('COMPLETED');
  await server.athena.send(new TerminateSessionCommand({ SessionId }));
  return await Promise.all(
    [Result?.StdOutS3Uri, Result?.StdErrorS3Uri, Result?.ResultS3Uri].map(async (uri) => {
      const { host, pathname } = new URL(uri ?? '');
      const head = await storage.s3.send(new HeadObjectCommand({ Bucket: host, Key: pathname.slice(1) }));
      return [head.ServerSideEncryption, head.SSEKMSKeyId];
    }),
  );
}

const places = [
  // S3 has one key of its own for this option: a key that is named beside it has no meaning.
  { place: 'embedded', later: { EncryptionOption: 'SSE_S3', KmsKey: KEY }, stated: ['AES256', undefined] },
  // Which key that is, S3 says.
  { place: 'external', later: { EncryptionOption: 'SSE_KMS' }, stated: ['aws:kms', undefined] },
] as const;

test.each(places)(
  'results in an $place S3 have the encryption of the workgroup at their session’s start',
  async ({ place, later, stated }) => {
    const server = place === 'embedded' ? storage : external;
    const encryption = { EncryptionOption: 'SSE_KMS', KmsKey: KEY } as const;
    const WorkGroup = `encrypted-${place}`;
    const ResultConfiguration = { OutputLocation: `s3://${WorkGroup}/`, EncryptionConfiguration: encryption };
    await server.athena.send(
      new CreateWorkGroupCommand({ Name: WorkGroup, Configuration: { ...spark, ResultConfiguration } }),
    );
    const first = await startIdleSession(server, { WorkGroup });
    const { SessionConfiguration } = await server.athena.send(new GetSessionCommand({ SessionId: first }));
    expect(SessionConfiguration?.EncryptionConfiguration).toEqual(encryption);
    await server.athena.send(
      new UpdateWorkGroupCommand({
        WorkGroup,
        ConfigurationUpdates: { ResultConfigurationUpdates: { EncryptionConfiguration: later } },
      }),
    );
    // Larger than one part of an upload.
    expect(await statedOf(server, first, 'print("x" * (17 * 1024 * 1024))')).toEqual(Array(3).fill(['aws:kms', KEY]));
    const second = await startIdleSession(server, { WorkGroup });
    expect(await statedOf(server, second, '1')).toEqual(Array(3).fill(stated));
  },
);

test('CSE_KMS is refused', async () => {
  const EncryptionConfiguration = { EncryptionOption: 'CSE_KMS' as const, KmsKey: KEY };
  const refusal = {
    name: 'InvalidRequestException',
    message: 'CSE_KMS is not supported for calculation results; use SSE_S3 or SSE_KMS.',
  };
  const create = new CreateWorkGroupCommand({
    Name: 'cse',
    Configuration: { ...spark, ResultConfiguration: { EncryptionConfiguration } },
  });
  await expect(storage.athena.send(create)).rejects.toMatchObject(refusal);
  const update = new UpdateWorkGroupCommand({
    WorkGroup: 'primary',
    ConfigurationUpdates: { ResultConfigurationUpdates: { EncryptionConfiguration } },
  });
  await expect(storage.athena.send(update)).rejects.toMatchObject(refusal);
});
