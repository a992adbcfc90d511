/** The composition root: configuration -> store -> services -> HTTP, and the way back. */
import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import type { Realm } from './access/arns.ts';
import { assumeRole } from './access/assume-role.ts';
import { KeyRing, writeAwsConfig } from './access/keys.ts';
import { keptMetricsToken } from './access/metrics-token.ts';
import { type BackupSources, copyDerby, makeBackup } from './backup/backup.ts';
import { answerBackups } from './backup/requests.ts';
import { databaseUrl, hasDerby } from './backup/sources.ts';
import { type Catalog, openCatalog } from './catalog/catalog.ts';
import { keptPort } from './catalog/port.ts';
import { type Clock, systemClock } from './clock.ts';
import { checkListening, type Config, ConfigError, defaultResultsLocation, givenKeys } from './config.ts';
import { createDrivers, type DriversOptions } from './drivers/drivers.ts';
import { ConnectProxy } from './endpoints/connect/proxy.ts';
import type { ConnectContext } from './endpoints/connect/session-endpoint.ts';
import { ConnectTokens } from './endpoints/connect/tokens.ts';
import { makeHome } from './home.ts';
import { availableMemoryMebibytes, memoryLimitMebibytes } from './machine-memory.ts';
import { EmbeddedStore } from './objects/embedded/embedded-store.ts';
import { createEmbeddedObjectStore } from './objects/embedded-object-store.ts';
import { createExternalObjectStore } from './objects/external.ts';
import { measured } from './objects/measured.ts';
import type { ExternalRoles } from './objects/external-roles.ts';
import type { ObjectStore } from './objects/object-store.ts';
import { createOperations } from './operations/index.ts';
import { ownS3Credentials, ownS3Roles } from './own-s3.ts';
import { driverJars, locateRuntime } from './runtime/runtime.ts';
import { limitsOf, sandboxOf } from './sandbox.ts';
import { standardSession } from './sessions/assignment.ts';
import { Activity } from './sessions/activity.ts';
import { Changes } from './sessions/changes.ts';
import type { SessionSettings, SessionsContext } from './sessions/context.ts';
import { IDLE_DRIVER_MEBIBYTES } from './sessions/footprint.ts';
import { drainCalculations } from './sessions/draining.ts';
import { parseS3Uri } from './sessions/locations.ts';
import { recoverSessions, terminateAllSessions } from './sessions/recovery.ts';
import { Sweeper } from './sessions/sweep.ts';
import { noteServerProcess } from './stop/server-process.ts';
import type { StoppableServer } from './stop/signals.ts';
import { findKeyOwner } from './store/sessions.ts';
import { copyStore, isPostgresUrl, openStore } from './store/store.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { type Audit, fileAudit, stdoutAudit } from './wire/audit.ts';
import { RateLimit } from './wire/rate-limit.ts';
import { createS3Handler } from './wire/s3/handler.ts';
import { createServer, type WireServer } from './wire/server.ts';
import { createSignatureVerifier } from './wire/sigv4.ts';
import { certifiedHost, readTlsIdentity, type TlsFiles, type TlsIdentity, watchTlsFiles } from './wire/tls.ts';
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
    tokens: new ConnectTokens(keys.derivedKey('connect'), config.connectTokenMinutes * 60_000),
    endpoint: () => config.connectEndpoint ?? endpoint,
  };
  const connectProxy = new ConnectProxy(connect);
  const server = createServer({
    operations: createOperations({ sessions, workGroups, tags: new Tags(database, realm), connect }),
    keys,
    assumeRole: assumeRole(keys),
    region: config.region,
    s3: objects.embedded && s3Handler(config, keys, objects.embedded, logger),
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

/** @returns the endpoint as clients of this machine reach it */
async function listen(server: WireServer, config: Config, tls: TlsIdentity | undefined): Promise<string> {
  try {
    const { port } = await server.listen(config.port, config.host);
    const host =
      { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[config.host] ??
      (config.host.includes(':') ? `[${config.host}]` : config.host);
    return tls === undefined ? `http://${host}:${port}` : `https://${certifiedHost(tls, host)}:${port}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new ConfigError(
        `Port ${config.port} is in use. Choose another with --port or PARTHENON_PORT; 0 takes a free one.`,
      );
    }
    throw error;
  }
}

/** The same port after a restart, for sessions that outlive it. @returns the endpoint of this machine's own sessions */
async function listenPlainly(server: WireServer, config: Config): Promise<string> {
  return `http://127.0.0.1:${await server.listenPlainly(await keptPort(join(config.home, 'sessions-port')))}`;
}

function tlsFilesOf({ tlsCertificate: certificate, tlsKey: key }: Config): TlsFiles | undefined {
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

function readTls(files: TlsFiles): TlsIdentity {
  try {
    return readTlsIdentity(files);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
}

function watchTls(files: TlsFiles, server: WireServer, logger: Logger): () => void {
  return watchTlsFiles(
    files,
    (identity) => {
      server.changeTls(identity);
      logger.info({ certificate: files.certificate }, 'New connections see the new certificate');
    },
    (error) => logger.error({ err: error }, 'The changed certificate cannot be used: the one of before goes on'),
  );
}

function auditOf({ audit }: Config, logger: Logger): Audit | undefined {
  if (audit === 'off') return undefined;
  if (audit === 'stdout') return stdoutAudit();
  try {
    return fileAudit(resolve(audit), logger);
  } catch (error) {
    throw new ConfigError(`PARTHENON_AUDIT: ${(error as Error).message}`);
  }
}

/** The user's own S3 where settings name one, else the embedded store; then no other is running. */
async function openObjects(config: Config): Promise<{ store: ObjectStore; embedded?: EmbeddedStore }> {
  const { s3Endpoint: endpoint } = config;
  const credentials = ownS3Credentials(config);
  if (endpoint !== undefined && credentials !== undefined) {
    const region = config.s3Region ?? config.region;
    return { store: createExternalObjectStore({ endpoint, region, pathStyle: config.s3PathStyle, credentials }) };
  }
  const embedded = await EmbeddedStore.open(join(config.home, 'objects'));
  return { store: createEmbeddedObjectStore(embedded), embedded };
}

function s3Handler(config: Config, keys: KeyRing, store: EmbeddedStore, logger: Logger) {
  const { region, virtualHosts, s3RequestRate } = config;
  const rate = new RateLimit(s3RequestRate);
  const verifier = createSignatureVerifier({ keys, region, services: ['s3'], rate });
  return createS3Handler({ store, verifier, keys, region, virtualHosts, logger });
}

async function driverOptions(config: Config, settings: SessionSettings, logger: Logger): Promise<DriversOptions> {
  const runtime = locateRuntime();
  const sandbox = await sandboxOf(config, runtime, logger);
  return {
    python: runtime.python,
    java: runtime.java,
    sparkHome: runtime.sparkHome,
    jars: driverJars(runtime),
    classData: runtime.classData,
    sandbox,
    limits: limitsOf(config),
    ivyCache: sandbox === undefined ? resolve(config.home, 'ivy') : null,
    folder: join(config.home, 'drivers'),
    poolSize: config.poolSize,
    memoryAllows: () => availableMemoryMebibytes() >= config.minFreeMemory + IDLE_DRIVER_MEBIBYTES,
    standard: standardSession(settings),
    startTimeoutMs: config.sessionStartSeconds * 1000,
    interruptGraceMs: config.interruptGraceSeconds * 1000,
    logger,
  };
}

function catalogOf(config: Config, logger: Logger): Promise<Catalog> {
  const { java, sparkHome, jars } = locateRuntime();
  return openCatalog({
    folder: join(config.home, 'catalog'),
    databaseUrl: config.catalogUrl,
    java,
    sparkHome,
    jars,
    defaultLocation: defaultResultsLocation(config),
    logger,
  });
}

/** The catalog reaches S3 as sessions do, with keys of its own. */
function startCatalog(catalog: Catalog, { settings, keys, objects, logger }: SessionsContext): void {
  const { s3, s3Credentials, defaultResultsLocation: location } = settings;
  catalog.start({ ...s3, endpoint: s3.endpoint(), credentials: s3Credentials ?? keys.serviceKey('catalog') });
  // The database `default` lies there, also for workgroups that keep their results in another bucket.
  const { bucket } = parseS3Uri(location);
  objects
    .ensureBucket(bucket)
    .catch((error: unknown) => logger.warn({ err: error, bucket }, 'The bucket of the database default is not there'));
}

function sessionSettings(
  config: Config,
  endpoint: () => string,
  catalog: Catalog | undefined,
  s3Roles: ExternalRoles | undefined,
): SessionsContext['settings'] {
  const { s3Endpoint } = config;
  return {
    defaultResultsLocation: defaultResultsLocation(config),
    sparkMaster: config.sparkMaster,
    sparkProperties: config.sparkProperties,
    allowedPaths: config.allowedPaths,
    catalogProperties: (resultsLocation) => catalog?.sparkProperties(resultsLocation) ?? {},
    cores: config.cores,
    memoryMebibytes: memoryLimitMebibytes(),
    coresPerDpu: config.coresPerDpu,
    quotas: config,
    availableMemory: availableMemoryMebibytes,
    retentionDays: config.retentionDays,
    s3: {
      endpoint: () => s3Endpoint ?? endpoint(),
      region: s3Endpoint === undefined ? config.region : (config.s3Region ?? config.region),
      pathStyle: s3Endpoint === undefined ? true : config.s3PathStyle,
    },
    s3Credentials: ownS3Credentials(config),
    s3Roles,
    s3DefaultRole: config.s3DefaultRole,
    sessionKeySeconds: config.sessionKeySeconds,
  };
}
