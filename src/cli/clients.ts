/** The AWS SDK, pointed at the server that was asked for, as any client of it is. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AthenaClient, ListEngineVersionsCommand } from '@aws-sdk/client-athena';
import type { S3Client } from '@aws-sdk/client-s3';
import type { LiveServer } from './live.ts';

export interface ClientOptions {
  readonly endpointUrl?: string;
  readonly profile?: string;
  readonly region?: string;
  readonly home?: string;
}

export interface Clients {
  readonly athena: AthenaClient;
  /** Where live output comes from. @throws NoServer */
  live(): Promise<LiveServer>;
  s3(): Promise<S3Client>;
}

/** No server is known, or it is none of ours. */
export class NoServer extends Error {
  override readonly name = 'NoServer';
}

/** Instead of a call. */
class Asked extends Error {}

/**
 * Clients by AWS's own variables and profiles. Where those name no server it is the one that was last started on the home, which has
 * left its address and its administrator's keys there.
 * @throws NoServer
 */
export async function openClients(options: ClientOptions): Promise<Clients> {
  if (options.profile !== undefined) process.env.AWS_PROFILE = options.profile;
  if (!isNamed(options)) await useHome(options.home);
  const { endpointUrl: endpoint, region } = options;
  const chosen = { ...(endpoint !== undefined && { endpoint }), ...(region !== undefined && { region }) };
  const athena = new AthenaClient(chosen);
  let url: URL | undefined;
  let asking = false;
  athena.middlewareStack.add(
    (next) => async (args) => {
      const { protocol, hostname, port } = args.request as { protocol: string; hostname: string; port?: number };
      url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`);
      // What the SDK takes where it is told nothing; calls there would be another's, and cost money.
      if (/\.(amazonaws\.com(\.cn)?|aws)$/.test(hostname)) throw new NoServer(noEndpoint());
      if (asking) throw new Asked();
      return await next(args);
    },
    { step: 'build', name: 'noteServer' },
  );
  return {
    athena,
    live: async () => {
      asking = true;
      // How the SDK finds its endpoint is its own: it is asked by a call that is not sent.
      await athena.send(new ListEngineVersionsCommand({})).catch((error: unknown) => {
        if (!(error instanceof Asked)) throw error;
      });
      asking = false;
      return { endpoint: url as URL, config: athena.config };
    },
    s3: async () => {
      const { S3Client } = await import('@aws-sdk/client-s3');
      return new S3Client({ ...chosen, forcePathStyle: true });
    },
  };
}

/** Whether a server is named otherwise than by a home. */
function isNamed({ endpointUrl, home }: ClientOptions): boolean {
  if (home !== undefined) return false;
  const { AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_ATHENA, AWS_PROFILE, AWS_CONFIG_FILE } = process.env;
  return [endpointUrl, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_ATHENA, AWS_PROFILE, AWS_CONFIG_FILE].some((each) => each);
}

async function useHome(given: string | undefined): Promise<void> {
  const { loadConfig } = await import('../config.ts');
  const { home } = loadConfig(given === undefined ? {} : { home: given }).config;
  const config = join(home, 'config');
  if (!existsSync(config))
    throw new NoServer(
      `No server has been started on ${home}. Start one with: npm start (or name one by AWS_ENDPOINT_URL)`,
    );
  process.env.AWS_CONFIG_FILE = config;
  process.env.AWS_SHARED_CREDENTIALS_FILE = join(home, 'credentials');
  if (given !== undefined) for (const name of OF_OTHERS) delete process.env[name];
}

/** What would win over a home that was asked for by name. */
const OF_OTHERS = [
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_ATHENA',
  'AWS_ENDPOINT_URL_S3',
  'AWS_PROFILE',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_REGION',
];

function noEndpoint(): string {
  const { AWS_PROFILE: profile } = process.env;
  const where = profile ? `Profile ${profile} has no endpoint_url` : 'No server is named';
  return `${where}: set AWS_ENDPOINT_URL, or give --endpoint-url; npx parthenon env prints what a client needs`;
}
