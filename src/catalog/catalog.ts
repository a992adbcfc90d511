/** The shared catalog: one Hive metastore beside the server, whose tables outlive sessions. It knows no HTTP. */
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { embeddedDatabase, postgresDatabase } from './database.ts';
import { endLeftMetastores, type MetastoreProcess, startMetastore } from './metastore-process.ts';
import { keptPort } from './port.ts';
import { type CatalogS3, writeSiteFiles } from './site-files.ts';

const FIRST_RETRY_MILLIS = 1_000;
const LAST_RETRY_MILLIS = 60_000;
const STOP_MILLIS = 5_000;
/** For a metastore that is being started on a busy machine. */
const COPY_PATIENCE_MILLIS = 120_000;

export interface CatalogOptions {
  /** Holds all that the catalog keeps; made when it is not there. */
  readonly folder: string;
  /** `postgresql://…`; Derby under `folder` when there is none. */
  readonly databaseUrl: string | undefined;
  readonly java: string;
  readonly sparkHome: string;
  /** The folder of the pinned jars. */
  readonly jars: string;
  /** Where the database `default` lies: results' location of the server, ending in `/`. */
  readonly defaultLocation: string;
  readonly logger: Logger;
}

export interface Catalog {
  /** Starts the metastore in the background, and again whenever it dies. Once. */
  start(s3: CatalogS3): void;
  /** Resolves once clients are served for the first time; never, if it is stopped before. */
  readonly ready: Promise<void>;
  /**
   * What makes a session use the catalog. It connects when its code first asks for a table, and waits for the metastore then.
   * @param resultsLocation the workgroup's, under which `CREATE DATABASE` puts what has no location of its own
   */
  sparkProperties(resultsLocation: string): Record<string, string>;
  /**
   * Writes a copy of Derby's database, `derby/`, into a folder, while sessions use it.
   * @throws Error when there is no metastore to do that
   */
  copyDerby(into: string): Promise<void>;
  /** Ends the metastore, or what is being started; resolves when it has gone. Idempotent. */
  stop(): Promise<void>;
}

/** Ends what an earlier server left and settles the port; nothing is started yet. @throws Error for a port or a folder */
export async function openCatalog(options: CatalogOptions): Promise<Catalog> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  // The mark by which a process is known must be one text, whatever links lead there.
  const folder = realpathSync(options.folder);
  for (const name of ['conf', 'tmp']) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
  const left = await endLeftMetastores(folder);
  if (left > 0) options.logger.info({ left }, 'Ended a metastore of an earlier server');
  return new HiveCatalog({ ...options, folder }, await keptPort(join(folder, 'port')));
}

class HiveCatalog implements Catalog {
  readonly #options: CatalogOptions;
  readonly #port: number;
  readonly #ready = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #metastore: MetastoreProcess | undefined;

  constructor(options: CatalogOptions, port: number) {
    this.#options = options;
    this.#port = port;
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  start(s3: CatalogS3): void {
    const { folder, databaseUrl, defaultLocation } = this.#options;
    writeSiteFiles(join(folder, 'conf'), {
      port: this.#port,
      database: databaseUrl === undefined ? embeddedDatabase(join(folder, 'derby')) : postgresDatabase(databaseUrl),
      warehouse: warehouse(defaultLocation),
      s3,
      temporaryFolder: join(folder, 'tmp'),
    });
    this.#running ??= this.#keepRunning();
  }

  sparkProperties(resultsLocation: string): Record<string, string> {
    return {
      'spark.sql.catalogImplementation': 'hive',
      'spark.sql.warehouse.dir': warehouse(resultsLocation),
      'spark.hadoop.hive.metastore.uris': `thrift://127.0.0.1:${this.#port}`,
      // Two minutes: longer than a metastore takes to start on a busy machine.
      'spark.hadoop.hive.metastore.connect.retries': '120',
      'spark.hadoop.hive.metastore.client.connect.retry.delay': '1s',
      // A call that the metastore died under is made again once it is back.
      'spark.hadoop.hive.metastore.failure.retries': '3',
      // Hadoop puts in the driver's own temporary folder, in place of /tmp/hive for all users of the machine.
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Hadoop's own syntax
      'spark.hadoop.hive.exec.scratchdir': '${java.io.tmpdir}/hive',
    };
  }

  async copyDerby(into: string): Promise<void> {
    const late = sleep(COPY_PATIENCE_MILLIS, undefined, { signal: this.#stopping.signal, ref: false });
    late.catch(() => undefined);
    await Promise.race([
      this.ready,
      late.then(() => {
        throw new Error('The catalog does not start; its log says more: catalog/metastore.err');
      }),
    ]);
    if (this.#metastore === undefined) throw new Error('The metastore is being started again; repeat the backup.');
    await this.#metastore.copyDerby(into);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#metastore?.end();
    const late = setTimeout(() => this.#metastore?.kill(), STOP_MILLIS);
    await this.#running;
    clearTimeout(late);
  }

  async #keepRunning(): Promise<void> {
    const { logger } = this.#options;
    const { signal } = this.#stopping;
    let retryMillis = FIRST_RETRY_MILLIS;
    while (!signal.aborted) {
      const reason = await this.#runOnce(() => {
        retryMillis = FIRST_RETRY_MILLIS;
      });
      if (signal.aborted) return;
      logger.error({ reason, retryMillis }, 'The metastore ended; it is started again');
      await sleep(retryMillis, undefined, { signal }).catch(() => undefined);
      retryMillis = Math.min(retryMillis * 2, LAST_RETRY_MILLIS);
    }
  }

  /** @returns why it ended */
  async #runOnce(onReady: () => void): Promise<string> {
    try {
      const metastore = await startMetastore(this.#options);
      this.#metastore = metastore;
      if (this.#stopping.signal.aborted) metastore.end();
      void metastore.ready.then(() => {
        onReady();
        this.#options.logger.info({ port: this.#port, pid: metastore.pid }, 'The metastore is ready');
        this.#ready.resolve();
      });
      return await metastore.ended;
    } catch (error) {
      return (error as Error).message;
    } finally {
      this.#metastore = undefined;
    }
  }
}

const warehouse = (location: string): string => `${location}${location.endsWith('/') ? '' : '/'}warehouse/`;
