import type { Kysely } from 'kysely';

/** What quotas count: the memory that a session was given, and who started it. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .alterTable('sessions')
    .addColumn('memory_mebibytes', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await database.schema.alterTable('sessions').addColumn('started_by', 'text').execute();
}
