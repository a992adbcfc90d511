import { type Kysely, sql } from 'kysely';
import { isPostgres } from '../turns.ts';

/** The first schema: workgroups, tags, sessions, calculations, request tokens. */
export async function up(database: Kysely<unknown>): Promise<void> {
  // What lists are sorted by is sorted by its bytes, in whatever language the database was made.
  const sorted = isPostgres(database) ? sql`text collate "C"` : ('text' as const);
  await database.schema
    .createTable('workgroups')
    .addColumn('name', sorted, (column) => column.primaryKey())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('configuration_json', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await database.schema
    .createTable('tags')
    .addColumn('resource_arn', 'text', (column) => column.notNull())
    .addColumn('key', sorted, (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('tags_primary', ['resource_arn', 'key'])
    .execute();
  await sessions(database);
  await calculations(database);
  await database.schema
    .createTable('request_tokens')
    .addColumn('operation', 'text', (column) => column.notNull())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('parameters_hash', 'text', (column) => column.notNull())
    .addColumn('resource_id', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('request_tokens_primary', ['operation', 'token'])
    .execute();
}

async function sessions(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('sessions')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('workgroup', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('engine_version', 'text', (column) => column.notNull())
    .addColumn('engine_configuration_json', 'text', (column) => column.notNull())
    .addColumn('monitoring_configuration_json', 'text')
    .addColumn('encryption_configuration_json', 'text')
    .addColumn('notebook_version', 'text')
    .addColumn('notebook_id', 'text')
    .addColumn('execution_role', 'text', (column) => column.notNull())
    .addColumn('working_directory', 'text', (column) => column.notNull())
    .addColumn('idle_timeout_minutes', 'integer', (column) => column.notNull())
    .addColumn('coordinator_dpus', 'integer', (column) => column.notNull())
    .addColumn('worker_dpus', 'integer', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('state_change_reason', 'text')
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('last_modified_at', 'bigint', (column) => column.notNull())
    .addColumn('ready_at', 'bigint')
    .addColumn('idle_since', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('busy_millis', 'bigint', (column) => column.notNull().defaultTo(0))
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('lease_until', 'bigint', (column) => column.notNull())
    .addColumn('driver_json', 'text')
    .addColumn('access_key_id', 'text', (column) => column.notNull().unique())
    .execute();
  await database.schema
    .createIndex('sessions_newest')
    .on('sessions')
    .columns(['workgroup', 'position'])
    .unique()
    .execute();
  await database.schema
    .createIndex('sessions_by_state')
    .on('sessions')
    .columns(['workgroup', 'state', 'position'])
    .execute();
  await database.schema
    .createIndex('sessions_active')
    .on('sessions')
    .columns(['state', 'ended_at'])
    .where(sql.ref('ended_at'), 'is', null)
    .execute();
  await database.schema.createIndex('sessions_ended').on('sessions').column('ended_at').execute();
  await database.schema.createIndex('sessions_notebook').on('sessions').column('notebook_id').execute();
}

async function calculations(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('calculations')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('session_id', 'text', (column) => column.notNull().references('sessions.id').onDelete('cascade'))
    .addColumn('description', 'text')
    .addColumn('code', 'text', (column) => column.notNull())
    .addColumn('working_directory', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('state_change_reason', 'text')
    .addColumn('submitted_at', 'bigint', (column) => column.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('completed_at', 'bigint')
    .addColumn('has_result', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('dpus', 'integer', (column) => column.notNull())
    .execute();
  await database.schema
    .createIndex('calculations_newest')
    .on('calculations')
    .columns(['session_id', 'position'])
    .unique()
    .execute();
  await database.schema
    .createIndex('calculations_by_state')
    .on('calculations')
    .columns(['session_id', 'state', 'position'])
    .execute();
}
