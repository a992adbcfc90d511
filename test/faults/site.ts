/** The server under test, through all its lives on one home and one port; and what it has on this machine. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MarkedProcess, markedProcesses, processesWith } from '../../src/drivers/processes.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import type { SessionRecord } from './ledger.ts';
import type { RunPlan } from './plan.ts';

export class Site {
  readonly folder: string;
  readonly home: string;
  /** Every session that a client was told of. */
  readonly sessions: SessionRecord[] = [];
  /** Whether something was struck since the round began. */
  isStruck = false;
  readonly #run: RunPlan;
  #server: TestServer | undefined;
  readonly #earlierLogs: string[] = [];

  /** Of the next start. */
  poolSize = 1;

  constructor(run: RunPlan) {
    this.#run = run;
    this.folder = mkdtempSync(join(tmpdir(), 'parthenon-faults-'));
    // Too long for the paths of sockets: they go to the temporary folder, where none must be left either.
    this.home = join(this.folder, `home-${'long'.repeat(12)}`);
    mkdirSync(join(this.folder, 'tmp'));
    mkdirSync(this.home);
  }

  /** Its clients repeat nothing by themselves. */
  get server(): TestServer {
    if (this.#server === undefined) throw new Error('The server was never started');
    return this.#server;
  }

  get settings(): Record<string, string> {
    return {
      port: this.#server === undefined ? '0' : new URL(this.#server.endpoint).port,
      catalog: this.#run.catalog ? 'on' : 'off',
      'pool-size': String(this.poolSize),
      'cores-per-dpu': '1',
      'interrupt-grace-seconds': '10',
    };
  }

  async start(): Promise<void> {
    process.env.TMPDIR = join(this.folder, 'tmp');
    const { settings } = this;
    if (this.#server !== undefined) this.#earlierLogs.push(this.#server.log());
    this.#server = await startTestServer(settings, this.home);
  }

  /** Stops the server in order. */
  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Writes down what all servers have logged. @returns the file */
  keepLog(): string {
    const file = join(this.folder, 'server.log');
    writeFileSync(file, [...this.#earlierLogs, this.#server?.log() ?? ''].join(''));
    return file;
  }

  /** The session that was given this driver; undefined for one of the pool, or one that was being started. */
  sessionOf(driverId: string): SessionRecord | undefined {
    const line = [...this.#earlierLogs, this.server.log()]
      .flatMap((log) => log.split('\n'))
      .find((each) => each.includes('driver assigned') && each.includes(driverId));
    const { sessionId } = JSON.parse(line ?? '{}') as { sessionId?: string };
    return this.sessions.find(({ id }) => id === sessionId);
  }

  /** Every process of this home's drivers. */
  driverProcesses(): MarkedProcess[] {
    return markedProcesses().filter(({ folder }) => folder.startsWith(join(this.home, 'drivers')));
  }

  driverFolders(): string[] {
    return list(join(this.home, 'drivers'));
  }

  socketFolders(): string[] {
    return list(join(this.folder, 'tmp', `parthenon-${process.getuid?.()}`));
  }

  /** Folders of calculations whose output has not gone to S3, or is being written. */
  spools(): string[] {
    const drivers = join(this.home, 'drivers');
    return list(drivers).flatMap((id) => list(join(drivers, id, 'spool')));
  }

  metastores(): number[] {
    return processesWith('PARTHENON_CATALOG_FOLDER', join(this.home, 'catalog'));
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // it was never made, or goes this moment
  }
}
