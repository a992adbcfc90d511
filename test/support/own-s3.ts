import { newUser } from '../access/server/people.ts';
import { startTestServer, type TestServer } from './server.ts';

/** Stands for a user's own S3, and its STS: a server of its own, known to others by endpoint and keys alone. */
export interface OwnS3 {
  readonly storage: TestServer;
  /** For a server that is to keep everything there. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Known by its administrator's key. */
export async function startOwnS3(): Promise<OwnS3> {
  const storage = await startTestServer();
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = storage.environment;
  return { storage, settings: settingsOf(storage, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) };
}

/**
 * Known by the key of a user there who reaches what results need, and may assume its roles.
 * @param statements what that user may do
 */
export async function startOwnS3WithRoles(statements: readonly object[]): Promise<OwnS3> {
  const storage = await startTestServer();
  const { accessKeyId, secretAccessKey } = await newUser(storage, 'parthenon', statements);
  const settings = { ...settingsOf(storage, accessKeyId, secretAccessKey), 's3-sts-endpoint': storage.endpoint };
  return { storage, settings };
}

function settingsOf({ endpoint }: TestServer, accessKeyId: string, secretAccessKey: string): Record<string, string> {
  return { 's3-endpoint': endpoint, 's3-access-key-id': accessKeyId, 's3-secret-access-key': secretAccessKey };
}
