import { setImmediate } from 'node:timers/promises';
import type { ControlledTransaction, Kysely, Transaction } from 'kysely';
import type { ObjectTables } from './schema.ts';
import { withFullDiskExplained } from './storage-error.ts';

type Work<Result> = (write: Transaction<ObjectTables>) => Promise<Result>;

interface Job {
  readonly work: Work<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Bounds the time for which readers of the index wait. */
const MAX_BATCH = 64;

/**
 * Commits writes that come at the same time together. A commit waits for the disk, and the process with it: eight writers
 * at once share one wait where they would have had eight. Each is still all or nothing, and done when `run` resolves.
 */
export class Commits {
  readonly #db: Kysely<ObjectTables>;
  #waiting: Job[] = [];
  #running = false;

  constructor(db: Kysely<ObjectTables>) {
    this.#db = db;
  }

  /**
   * Does the work in a transaction; what it throws undoes it, and only it.
   * @throws StorageError InsufficientStorage, and what the work throws
   */
  async run<Result>(work: Work<Result>): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#waiting.push({ work, reject, resolve: resolve as Job['resolve'] });
    if (!this.#running) void this.#drain();
    try {
      return await promise;
    } catch (error) {
      throw withFullDiskExplained(error);
    }
  }

  async #drain(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      // What the last commit kept waiting gets to the queue first.
      await setImmediate();
      const batch = this.#waiting.splice(0, MAX_BATCH);
      await this.#commit(batch);
    }
    this.#running = false;
  }

  /** Never rejects: every job is told of its own end. */
  async #commit(batch: readonly Job[]): Promise<void> {
    let transaction: ControlledTransaction<ObjectTables> | undefined;
    try {
      transaction = await this.#db.startTransaction().execute();
      const ends: (() => void)[] = [];
      for (const job of batch) ends.push(await attempt(transaction, job));
      await transaction.commit().execute();
      for (const end of ends) end();
    } catch (error) {
      // A full disk may have ended the transaction already.
      await transaction
        ?.rollback()
        .execute()
        .catch(() => undefined);
      for (const job of batch) job.reject(error);
    }
  }
}

/** Does a job within the batch. @returns tells the job its end, once the batch is committed */
async function attempt(transaction: ControlledTransaction<ObjectTables>, job: Job): Promise<() => void> {
  const scoped = await transaction.savepoint('job').execute();
  try {
    const result = await job.work(scoped);
    await scoped.releaseSavepoint('job').execute();
    return () => job.resolve(result);
  } catch (error) {
    try {
      await scoped.rollbackToSavepoint('job').execute();
      await scoped.releaseSavepoint('job').execute();
    } catch {
      throw error; // there is no transaction to go back in any more
    }
    return () => job.reject(error);
  }
}
