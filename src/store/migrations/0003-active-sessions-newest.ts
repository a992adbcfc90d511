import { type Kysely, sql } from 'kysely';

/** ListSessions asks for active sessions, newest first: without this index it reads every session that has ended since. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createIndex('sessions_active_newest')
    .on('sessions')
    .columns(['workgroup', 'position'])
    .where(sql.ref('ended_at'), 'is', null)
    .execute();
}
