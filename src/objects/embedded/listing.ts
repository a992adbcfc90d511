import { afterPrefix } from './names.ts';

/** Where a listing goes on: behind a row that was listed, or at a key. */
export type Seek<Position> = { readonly behind: Position } | { readonly atKey: string };

export interface WalkOptions<Row, Position> {
  readonly prefix: string;
  /** Empty for none. */
  readonly delimiter: string;
  /** Entries wanted, rows and common prefixes together. */
  readonly limit: number;
  readonly start: Seek<Position>;
  /** The first rows from a place on, at most `count`, in UTF-8 order of their keys, none without the prefix. */
  readonly fetch: (from: Seek<Position>, count: number) => Promise<readonly Row[]>;
  readonly positionOf: (row: Row) => Position;
}

export interface Walked<Row, Position> {
  readonly rows: readonly Row[];
  readonly commonPrefixes: readonly string[];
  /** Where the next page starts; `undefined` when this was the last. */
  readonly next: Seek<Position> | undefined;
  /** The last entry of this page: a key or a common prefix. */
  readonly lastEntry: string | undefined;
}

const FIRST_BATCH = 32;

/**
 * One page of a listing. Keys under a common prefix are not read: the walk seeks to the first key behind the prefix, so
 * its cost grows with the entries that are returned and not with the keys that lie under them.
 */
export async function walk<Row extends { readonly key: string }, Position>(
  options: WalkOptions<Row, Position>,
): Promise<Walked<Row, Position>> {
  const { prefix, delimiter, limit, fetch, positionOf } = options;
  const rows: Row[] = [];
  const commonPrefixes: string[] = [];
  let next: Seek<Position> = options.start;
  let lastEntry: string | undefined;
  let batch = FIRST_BATCH;

  for (;;) {
    const wanted = delimiter === '' ? limit + 1 - rows.length : batch;
    const fetched: readonly Row[] = await fetch(next, wanted);
    let skipped: string | undefined;
    for (const row of fetched) {
      if (skipped !== undefined && row.key.startsWith(skipped)) continue;
      if (rows.length + commonPrefixes.length === limit) return { rows, commonPrefixes, next, lastEntry };
      skipped = commonPrefixOf(row.key, prefix, delimiter);
      lastEntry = skipped ?? row.key;
      if (skipped === undefined) {
        rows.push(row);
        next = { behind: positionOf(row) };
      } else {
        commonPrefixes.push(skipped);
        next = { atKey: afterPrefix(skipped) };
      }
    }
    if (fetched.length < wanted) return { rows, commonPrefixes, next: undefined, lastEntry };
    batch = skipped === undefined ? Math.min(batch * 4, limit + 1) : FIRST_BATCH;
  }
}

/** The part of a key up to and with the first delimiter behind the prefix. */
export function commonPrefixOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at === -1 ? undefined : key.slice(0, at + delimiter.length);
}

/**
 * Where a listing starts that is to show nothing up to `marker`. A marker inside a common prefix hides that prefix:
 * clients page by the last entry they saw, which may be one.
 */
export function startBehind(marker: string, prefix: string, delimiter: string): Seek<string> {
  const common = marker.startsWith(prefix) ? commonPrefixOf(marker, prefix, delimiter) : undefined;
  return common === undefined ? { behind: marker } : { atKey: afterPrefix(common) };
}

/**
 * The same start, moved up to the prefix where it lies before it. Queries then have one lower bound: of two SQLite seeks
 * by either and reads all that lies between them.
 */
export function withinPrefix<Position>(
  start: Seek<Position>,
  prefix: string,
  keyOf: (position: Position) => string,
): Seek<Position> {
  const key = 'atKey' in start ? start.atKey : keyOf(start.behind);
  return Buffer.compare(Buffer.from(key), Buffer.from(prefix)) < 0 ? { atKey: prefix } : start;
}
