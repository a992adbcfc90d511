import { PostgresAdapter, sql } from 'kysely';
import type { Database } from './store.ts';

/**
 * Makes transactions that name the same thing run one after the other: waits for those before, and keeps the turn until this
 * transaction ends. What is read after it is what they have left, also under READ COMMITTED. Whoever takes several turns takes
 * them in the same order.
 *
 * SQLite runs one transaction at a time anyway.
 */
export async function takeTurn(transaction: Database, name: string): Promise<void> {
  if (!isPostgres(transaction)) return;
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(transaction);
}

export function isPostgres(database: Pick<Database, 'getExecutor'>): boolean {
  return database.getExecutor().adapter instanceof PostgresAdapter;
}
