import { backup, DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';

/** Statements kept prepared. Kysely's SQL for `IN (…)` differs with the length of the list, so the cache is bounded. */
const STATEMENT_CACHE_SIZE = 256;

const BUSY_TIMEOUT_MILLISECONDS = 5_000;

/** Of SQLite's result codes: no room on the disk, a write that failed, a file that cannot be opened (no descriptor left), busy. */
const AWAY_CODES: readonly unknown[] = [13, 10, 14, 5];

/** Whether an error says that nothing could be written for now. https://sqlite.org/rescode.html */
export function isSqliteAway(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return error instanceof Error && errcode !== undefined && AWAY_CODES.includes(errcode & 0xff);
}

export interface SqliteOptions {
  /** Locks the file for this process alone; a second opener fails with `database is locked`. The lock goes with the process. */
  readonly exclusive?: boolean;
}

/**
 * Opens (or creates) a SQLite file as a Kysely dialect: `new Kysely<Tables>({ dialect: openSqlite(path) })`.
 *
 * Write-ahead log, `synchronous=FULL` (a commit that returned is on disk), foreign keys enforced. Transactions begin
 * IMMEDIATE: a deferred one that reads first can fail with SQLITE_BUSY_SNAPSHOT, which no busy timeout cures.
 *
 * @param path a file, or `:memory:`
 */
export function openSqlite(path: string, options: SqliteOptions = {}): OwnSqliteDialect {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: BUSY_TIMEOUT_MILLISECONDS });
  try {
    if (options.exclusive) {
      database.exec('PRAGMA locking_mode = EXCLUSIVE');
    }
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    if (options.exclusive) {
      // The lock is taken by the first write, not by the pragma.
      database.exec('BEGIN EXCLUSIVE; COMMIT');
    }
  } catch (error) {
    database.close();
    throw error;
  }
  return new OwnSqliteDialect(database);
}

/** Pages of a database that are copied at a time; in between others have their turn. */
const BACKUP_PAGES = 1_000;

/** The dialect of one open database, which only its opener can copy: nobody else may open it. */
export class OwnSqliteDialect extends SqliteDialect {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    super({ database: new CachingDatabase(database) });
    this.#database = database;
  }

  /** Writes a copy as the database is at one moment, while it is read and written. https://www.sqlite.org/backup.html */
  async copyTo(path: string): Promise<void> {
    await backup(this.#database, path, { rate: BACKUP_PAGES });
  }
}

/** node:sqlite in the shape that Kysely's SQLite dialect asks for, with prepared statements kept, least recently used out. */
class CachingDatabase implements SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, SqliteStatement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  prepare(sql: string): SqliteStatement {
    const cached = this.#statements.get(sql);
    const statement = cached ?? this.#adapt(sql === 'begin' ? 'begin immediate' : sql);
    if (cached) {
      this.#statements.delete(sql);
    } else if (this.#statements.size >= STATEMENT_CACHE_SIZE) {
      const oldest = this.#statements.keys().next();
      this.#statements.delete(oldest.value as string);
    }
    this.#statements.set(sql, statement);
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #adapt(sql: string): SqliteStatement {
    const statement: StatementSync = this.#database.prepare(sql);
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
      run: (parameters) =>
        // A full disk has ended the transaction already: its own error is to be told, not that of a rollback of nothing.
        sql === 'rollback' && !this.#database.isTransaction
          ? { changes: 0, lastInsertRowid: 0 }
          : statement.run(...(parameters as SQLInputValue[])),
      // A statement of its own: the cached one may be run again while this iteration is under way.
      iterate: (parameters) => this.#database.prepare(sql).iterate(...(parameters as SQLInputValue[])),
    };
  }
}
