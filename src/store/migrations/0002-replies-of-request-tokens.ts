import type { Kysely } from 'kysely';

/** A repeated request gets the very reply of the first, which may come later than what it started. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('request_tokens').addColumn('reply_state', 'text').execute();
}
