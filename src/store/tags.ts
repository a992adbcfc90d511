import { decodeToken, type Page, toPage } from './paging.ts';
import type { Database } from './store.ts';

export interface TagRow {
  key: string;
  value: string;
}

export async function putTags(database: Database, arn: string, tags: readonly TagRow[]): Promise<void> {
  if (tags.length === 0) return;
  await database
    .insertInto('tags')
    .values(tags.map((tag) => ({ resource_arn: arn, key: tag.key, value: tag.value })))
    .onConflict((conflict) =>
      conflict
        .columns(['resource_arn', 'key'])
        .doUpdateSet((expression) => ({ value: expression.ref('excluded.value') })),
    )
    .execute();
}

export async function removeTags(database: Database, arn: string, keys?: readonly string[]): Promise<void> {
  if (keys?.length === 0) return;
  await database
    .deleteFrom('tags')
    .where('resource_arn', '=', arn)
    .$if(keys !== undefined, (query) => query.where('key', 'in', keys as string[]))
    .execute();
}

/** By key. */
export async function listTags(
  database: Database,
  arn: string,
  filter: { limit: number; token?: string | undefined },
): Promise<Page<TagRow>> {
  const name = `tags/${arn}`;
  const after = decodeToken<string>(name, filter.token, 'string');
  const rows = await database
    .selectFrom('tags')
    .select(['key', 'value'])
    .where('resource_arn', '=', arn)
    .$if(after !== undefined, (query) => query.where('key', '>', after as string))
    .orderBy('key')
    .limit(filter.limit + 1)
    .execute();
  return toPage(name, rows, filter.limit, (row) => row.key);
}
