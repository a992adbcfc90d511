/** The composition root: configuration -> store -> services -> HTTP, and the way back. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Realm } from './access/arns.ts';
import { KeyRing, writeAwsConfig } from './access/keys.ts';
import { type Config, defaultResultsLocation } from './config.ts';
import { createDrivers } from './drivers/drivers.ts';
import { openObjects } from './objects/objects.ts';
import { createOperations } from './operations/index.ts';
import { locateRuntime } from './runtime/runtime.ts';
import type { SessionsContext } from './sessions/context.ts';
import { closeLeftSessions, terminateAllSessions } from './sessions/recovery.ts';
import { Sweeper } from './sessions/sweep.ts';
import { findSessionOfKey } from './store/sessions.ts';
import { openStore } from './store/store.ts';
import { createS3Handler } from './wire/s3/handler.ts';
import { createServer } from './wire/server.ts';
import { Tags } from './workgroups/tags.ts';
import { WorkGroups } from './workgroups/workgroups.ts';

/** A server that serves calls. */
export interface RunningServer {
  /** `http://host:port`, what `AWS_ENDPOINT_URL` takes. */
  readonly endpoint: string;
  readonly keys: KeyRing;
  /** Stops in order: no new calls, those under way finish, sessions are terminated, the store is closed. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts everything that the settings ask for; serves calls when it resolves.
 * @throws StoreUnavailable, RuntimeMissing and system errors, each with what to do in its message
 */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer> {
  mkdirSync(config.home, { recursive: true, mode: 0o700 });
  const realm: Realm = { region: config.region, accountId: config.accountId };
  const database = await openStore(config.databaseUrl ?? `sqlite:${join(config.home, 'state.db')}`);
  const keys = keyRing(config, async (accessKeyId) => await findSessionOfKey(database, accessKeyId));
  const objects = await openObjects(config, logger);
  const workGroups = new WorkGroups(database, realm);
  const drivers = driversOf(config, logger);
  let endpoint = '';
  const sessions: SessionsContext = {
    database,
    drivers,
    objects: objects.store,
    workGroups,
    keys,
    realm,
    settings: sessionSettings(config, () => endpoint),
    logger,
    serverId: randomUUID(),
    live: new Map(),
    background: new Set(),
  };
  const sweeper = new Sweeper(sessions);
  await workGroups.ensurePrimary();
  await closeLeftSessions(sessions);
  const operations = createOperations({ sessions, workGroups, tags: new Tags(database, realm) });
  const server = createServer({
    operations,
    keys,
    region: config.region,
    s3:
      objects.embedded &&
      createS3Handler({
        store: objects.embedded,
        keys,
        region: config.region,
        virtualHosts: config.virtualHosts,
        logger,
      }),
    logger,
    ready: () => sweeper.started,
    limits: { athenaBodyBytes: config.maxBodyBytes, connections: config.maxConnections },
  });
  const { port } = await server.listen(config.port, config.host);
  endpoint = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  writeAwsConfig(config.home, config.region, endpoint);
  sweeper.start();

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await sweeper.stop();
    await server.close(config.stopSeconds * 1000);
    await terminateAllSessions(sessions);
    await drivers.close();
    await objects.store.close();
    await database.destroy();
  };
  return {
    endpoint,
    keys,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Keys without a server behind them, for `parthenon env`: no session's key is known. */
export function keyRing(config: Config, findSession: ConstructorParameters<typeof KeyRing>[0]['findSession']): KeyRing {
  const { accessKeyId, secretAccessKey } = config;
  const given = accessKeyId !== undefined && secretAccessKey !== undefined;
  return new KeyRing({
    home: config.home,
    accountId: config.accountId,
    administrator: given ? { accessKeyId, secretAccessKey } : undefined,
    findSession,
  });
}

function driversOf(config: Config, logger: Logger) {
  const runtime = locateRuntime();
  return createDrivers({
    python: runtime.python,
    java: runtime.java,
    sparkHome: runtime.sparkHome,
    jars: readdirSync(runtime.jars)
      .filter((name) => name.endsWith('.jar'))
      .map((name) => join(runtime.jars, name)),
    folder: join(config.home, 'drivers'),
    poolSize: config.poolSize,
    startTimeoutMs: config.sessionStartSeconds * 1000,
    interruptGraceMs: config.interruptGraceSeconds * 1000,
    logger,
  });
}

function sessionSettings(config: Config, endpoint: () => string): SessionsContext['settings'] {
  const { s3Endpoint, s3AccessKeyId, s3SecretAccessKey } = config;
  return {
    defaultResultsLocation: defaultResultsLocation(config),
    sparkMaster: config.sparkMaster,
    sparkProperties: config.sparkProperties,
    cores: config.cores,
    coresPerDpu: config.coresPerDpu,
    maxSessions: config.maxSessions,
    retentionDays: config.retentionDays,
    s3: {
      endpoint: () => s3Endpoint ?? endpoint(),
      region: s3Endpoint === undefined ? config.region : (config.s3Region ?? config.region),
      pathStyle: s3Endpoint === undefined ? true : config.s3PathStyle,
    },
    s3Credentials:
      s3AccessKeyId !== undefined && s3SecretAccessKey !== undefined
        ? { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey }
        : undefined,
  };
}
