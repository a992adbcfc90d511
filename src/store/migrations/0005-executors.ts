import type { Kysely } from 'kysely';

/** Executors of sessions on a cluster, which their DPUs are counted by. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('sessions').addColumn('executor_dpus', 'integer').execute();
  await database.schema
    .createTable('executors')
    .addColumn('session_id', 'text', (column) => column.notNull().references('sessions.id').onDelete('cascade'))
    .addColumn('executor_id', 'text', (column) => column.notNull())
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('state', 'text', (column) => column.notNull())
    // A session that makes another SparkContext counts its executors from 0 again.
    .addPrimaryKeyConstraint('executors_primary', ['session_id', 'executor_id', 'started_at'])
    .execute();
}
