import { InvalidRequestException } from '../errors.ts';

/** One page of a list, and where the next begins. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextToken?: string;
}

/**
 * Paging by the last row seen rather than by a count, so that pages stay right while rows are added at the front. The token
 * is opaque to callers; it names its list, so that one list's token is refused by another.
 */
export function encodeToken(list: string, last: string | number): string {
  return Buffer.from(JSON.stringify([list, last])).toString('base64url');
}

/**
 * @returns the last row's sort key, or undefined for the first page
 * @throws InvalidRequestException for anything that `encodeToken` did not make for this list
 */
export function decodeToken<Key extends string | number>(
  list: string,
  token: string | undefined,
  kind: 'string' | 'number',
): Key | undefined {
  if (token === undefined) return undefined;
  try {
    const [name, last] = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as [string, Key];
    if (name === list && typeof last === kind) return last;
  } catch {
    // Falls through: whatever is not ours is refused alike.
  }
  throw new InvalidRequestException('The NextToken provided is not valid.');
}

/** Cuts a query's rows, of which one more than `limit` was asked for, into a page. */
export function toPage<Row>(
  list: string,
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => string | number,
): Page<Row> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return rows.length > limit && last !== undefined
    ? { rows: page, nextToken: encodeToken(list, keyOf(last)) }
    : { rows: page };
}

/** A page of a list that is short and does not change: the token is a count. */
export function pageOfList<Row>(
  list: string,
  rows: readonly Row[],
  filter: { limit: number; token?: string | undefined },
): Page<Row> {
  const offset = decodeToken<number>(list, filter.token, 'number') ?? 0;
  const page = rows.slice(offset, offset + filter.limit);
  const end = offset + page.length;
  return end < rows.length ? { rows: page, nextToken: encodeToken(list, end) } : { rows: page };
}
