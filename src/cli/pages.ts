/** A page of a list: the server gives fifty at a time unless it is asked for fewer. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | undefined;
}

/** The largest pages of AWS's lists of sessions and calculations. */
const LARGEST_PAGE = 100;

export async function collectPages<Item>(
  limit: number,
  read: (page: { MaxResults: number; NextToken: string | undefined }) => Promise<Page<Item>>,
): Promise<Item[]> {
  const items: Item[] = [];
  let next: string | undefined;
  do {
    const page = await read({ MaxResults: Math.min(limit - items.length, LARGEST_PAGE), NextToken: next });
    items.push(...page.items);
    next = page.next;
  } while (next !== undefined && items.length < limit);
  return items;
}
