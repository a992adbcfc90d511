/** The composition root: configuration -> store -> services -> HTTP, and the way back. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import type { Realm } from './access/arns.ts';
import { assumeRole } from './access/assume-role.ts';
import { KeyRing, writeAwsConfig } from './access/keys.ts';
import { keptMetricsToken } from './access/metrics-token.ts';
import { type BackupSources, copyDerby, makeBackup } from './backup/backup.ts';
import { answerBackups } from './backup/requests.ts';
import { databaseUrl, hasDerby } from './backup/sources.ts';
import { type Clock, systemClock } from './clock.ts';
import { catalogOf, startCatalog } from './composition/catalog.ts';
import { auditOf, listen, listenPlainly, readTls, tlsFilesOf, watchTls } from './composition/listening.ts';
import { openObjects, ownS3Roles, s3Handler } from './composition/s3.ts';
import { driverOptions, sessionSettings } from './composition/sessions.ts';
import { sparkHistoryOf } from './composition/spark-history.ts';
import { checkListening, type Config, givenKeys } from './config.ts';
import { createDrivers } from './drivers/drivers.ts';
import { ConnectProxy } from './endpoints/connect/proxy.ts';
import type { ConnectContext } from './endpoints/connect/session-endpoint.ts';
import { SessionTokens } from './endpoints/session-tokens.ts';
import type { DashboardContext } from './endpoints/spark-ui/dashboard.ts';
import { SparkUiProxy } from './endpoints/spark-ui/proxy.ts';
import { makeHome } from './home.ts';
import { measured } from './objects/measured.ts';
import { createOperations } from './operations/index.ts';
import { createLiveOutput } from './operations/live-output.ts';
import { Activity } from './sessions/activity.ts';
import { Changes } from './sessions/changes.ts';
import type { SessionsContext } from './sessions/context.ts';
import { drainCalculations } from './sessions/draining.ts';
import { recoverSessions, terminateAllSessions } from './sessions/recovery.ts';
import { LogTraffic } from './sessions/session-logs.ts';
import { Sweeper } from './sessions/sweep.ts';
import { noteServerProcess } from './stop/server-process.ts';
import type { StoppableServer } from './stop/signals.ts';
import { findKeyOwner } from './store/sessions.ts';
import { copyStore, isPostgresUrl, openStore } from './store/store.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { createServer } from './wire/server.ts';
import { Tags } from './workgroups/tags.ts';
import { WorkGroups } from './workgroups/workgroups.ts';

/** Status calls that wait for a change, in all: each holds a connection. */
const MOST_HELD_REPLIES = 1024;

/** A server that serves calls. */
export interface RunningServer extends StoppableServer {
  /** `http://host:port` or `https://…`, what `AWS_ENDPOINT_URL` takes. */
  readonly endpoint: string;
  readonly keys: KeyRing;
  /** Resolves when another server has taken the state database: this one can do nothing any more but stop. */
  readonly storeTaken: Promise<void>;
  /** Stops in order: no new calls, those under way finish, sessions are terminated, the store is closed. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts everything that the settings ask for; serves calls when it resolves.
 * @throws StoreUnavailable, RuntimeMissing and system errors, each with what to do in its message
 */
export async function startServer(config: Config, logger: Logger, clock: Clock = systemClock): Promise<RunningServer> {
  checkListening(config);
  makeHome(config.home);
  const tlsFiles = tlsFilesOf(config);
  const tls = tlsFiles && readTls(tlsFiles);
  // What is opened below is closed in reverse: when the server stops, or at once when a later step fails.
  await using opened = new AsyncDisposableStack();
  if (config.traces !== 'off') opened.defer(await tracesOf(config, logger));
  const realm: Realm = { region: config.region, accountId: config.accountId };
  const storeTaken = Promise.withResolvers<void>();
  const url = databaseUrl(config);
  const database = await openStore(url, { logger, onTaken: storeTaken.resolve, measured: config.metrics });
  opened.defer(() => database.destroy());
  opened.defer(noteServerProcess(config.home));
  const keys = new KeyRing({
    home: config.home,
    accountId: config.accountId,
    administrator: givenKeys(config),
    findSession: async (sessionId) => await findKeyOwner(database, 'id', sessionId),
    findSessionOfKey: async (accessKeyId) => await findKeyOwner(database, 'access_key_id', accessKeyId),
    onAccessProblem: (error) =>
      logger.error({ err: error }, 'Users and roles cannot be read: those of before go on. Repair the file'),
  });
  opened.defer(keys.watchAccessFile());
  const objects = await openObjects(config);
  opened.defer(() => objects.embedded?.close());
  opened.defer(() => objects.store.close());
  const workGroups = new WorkGroups(database, realm);
  const catalog = config.catalog ? await catalogOf(config, logger) : undefined;
  opened.defer(() => catalog?.stop());
  let sessionsEndpoint = '';
  const s3Roles = ownS3Roles(config);
  opened.defer(() => s3Roles?.close());
  const settings = sessionSettings(config, () => sessionsEndpoint, catalog, s3Roles);
  const drivers = createDrivers(await driverOptions(config, settings, logger));
  opened.defer(() => drivers.close());
  const recovered = Promise.withResolvers<void>();
  const sessions: SessionsContext = {
    database,
    drivers,
    objects: config.metrics ? measured(objects.store) : objects.store,
    workGroups,
    keys,
    realm,
    settings,
    logger,
    serverId: randomUUID(),
    recovered: recovered.promise,
    live: new Map(),
    keyRenewals: new Map(),
    running: new Map(),
    draining: new AbortController(),
    changes: new Changes(config.statusWaitMillis, MOST_HELD_REPLIES),
    activity: new Activity(),
    logTraffic: new LogTraffic(),
    background: new Set(),
  };
  await workGroups.ensurePrimary();
  // A start that fails, at a port in use say, must not end what the next one can go on with.
  let serves = false;
  opened.defer(async () => {
    if (serves) await terminateAllSessions(sessions, config.stopSeconds * 1000);
  });
  const sweeper = new Sweeper(sessions, clock);
  const metrics = config.metrics ? metricsOf(sessions) : undefined;
  opened.defer(() => metrics?.close());
  const audit = auditOf(config, logger);
  opened.defer(() => audit?.close());
  let endpoint = '';
  const connect: ConnectContext = {
    sessions,
    tokens: new SessionTokens(keys.derivedKey('connect'), config.connectTokenMinutes * 60_000),
    endpoint: () => config.connectEndpoint ?? endpoint,
  };
  const connectProxy = new ConnectProxy(connect);
  const dashboard: DashboardContext = {
    sessions,
    tokens: new SessionTokens(keys.derivedKey('spark-ui'), config.dashboardTokenMinutes * 60_000),
    endpoint: () => endpoint,
    publicEndpoint: config.dashboardEndpoint,
  };
  const history = sparkHistoryOf(config, sessions);
  opened.defer(() => history.close());
  const sparkUis = new SparkUiProxy(dashboard, history);
  const domain = { sessions, workGroups, tags: new Tags(database, realm), connect, dashboard };
  const server = createServer({
    operations: createOperations(domain),
    live: createLiveOutput(domain),
    keys,
    assumeRole: assumeRole(keys),
    region: config.region,
    s3: objects.embedded && s3Handler(config, keys, objects.embedded, logger),
    sparkUi: sparkUis.serve,
    grpc: connectProxy.serve,
    logger,
    tls,
    audit,
    metrics: metrics && { token: config.metricsToken ?? keptMetricsToken(config.home), read: metrics.read },
    ready: () => sweeper.started && !sessions.draining.signal.aborted,
    limits: {
      athenaBodyBytes: config.maxBodyBytes,
      connections: config.maxConnections,
      requestsPerSecond: config.requestRate,
    },
  });
  endpoint = await listen(server, config, tls);
  opened.defer(() => server.close(config.stopSeconds * 1000));
  opened.defer(() => connectProxy.close());
  opened.defer(() => sparkUis.close());
  sessionsEndpoint =
    tls !== undefined && config.sparkMaster === 'local' ? await listenPlainly(server, config) : endpoint;
  if (tlsFiles !== undefined) opened.defer(watchTls(tlsFiles, server, logger));
  writeAwsConfig(config.home, config.region, endpoint);
  // Calls that need to know wait for it; the others are answered meanwhile.
  await recoverSessions(sessions);
  recovered.resolve();
  serves = true;
  if (catalog !== undefined) startCatalog(catalog, sessions);
  sweeper.start();
  opened.defer(() => sweeper.stop());
  const { embedded } = objects;
  const sources: BackupSources = {
    home: config.home,
    state: isPostgresUrl(url) ? undefined : (file) => copyStore(database, file),
    catalog: hasDerby(config)
      ? (folder) => (catalog === undefined ? copyDerby(config.home, folder) : catalog.copyDerby(folder))
      : undefined,
    objects: embedded && ((index) => embedded.copyIndex(index)),
  };
  opened.defer(answerBackups(config.home, (file) => makeBackup(sources, file), logger));
  const running = opened.move();
  return {
    endpoint,
    keys,
    storeTaken: storeTaken.promise,
    stop: () => running.disposeAsync(),
    drain: (timeoutMillis, signal) => drainCalculations(sessions, timeoutMillis, signal),
    // From then on this is a server that was killed, but that nobody waits for an answer, and no driver for a session.
    leaveSessions: async () => {
      await sweeper.stop();
      await server.close(config.stopSeconds * 1000);
      await drivers.close();
    },
  };
}

/** Only here is OpenTelemetry loaded. */
async function tracesOf({ traces: to }: Config, logger: Logger): Promise<() => Promise<void>> {
  const { openTraces } = await import('./telemetry/traces.ts');
  return openTraces({ to, version: manifest.version, logger });
}

function metricsOf({ database, drivers, changes, settings }: SessionsContext): Metrics {
  const memory = { limit: settings.quotas.sessionMemory, available: settings.availableMemory };
  return createMetrics({ database, drivers, memory, heldReplies: () => changes.held, version: manifest.version });
}
