import { decodeToken, type Page, toPage } from './paging.ts';
import type { Database } from './store.ts';
import type { WorkGroupRow } from './tables.ts';

/** @returns false if a workgroup of that name exists already */
export async function insertWorkGroup(database: Database, row: WorkGroupRow): Promise<boolean> {
  const result = await database
    .insertInto('workgroups')
    .values(row)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function findWorkGroup(database: Database, name: string): Promise<WorkGroupRow | undefined> {
  return await database.selectFrom('workgroups').selectAll().where('name', '=', name).executeTakeFirst();
}

export async function updateWorkGroup(
  database: Database,
  name: string,
  change: Partial<Omit<WorkGroupRow, 'name' | 'created_at'>>,
): Promise<void> {
  await database.updateTable('workgroups').set(change).where('name', '=', name).execute();
}

export async function deleteWorkGroup(database: Database, name: string): Promise<void> {
  await database.deleteFrom('workgroups').where('name', '=', name).execute();
}

/** By name. */
export async function listWorkGroups(
  database: Database,
  filter: { limit: number; token?: string | undefined },
): Promise<Page<WorkGroupRow>> {
  const after = decodeToken<string>('workgroups', filter.token, 'string');
  const rows = await database
    .selectFrom('workgroups')
    .selectAll()
    .$if(after !== undefined, (query) => query.where('name', '>', after as string))
    .orderBy('name')
    .limit(filter.limit + 1)
    .execute();
  return toPage('workgroups', rows, filter.limit, (row) => row.name);
}
