import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EmbeddedStore } from '../../../src/objects/embedded/embedded-store.ts';
import { type Seek, startBehind, walk } from '../../../src/objects/embedded/listing.ts';

/** Few pieces that make many common prefixes, with the characters where UTF-16 and UTF-8 order differ. */
const piece = fc.constantFrom(
  'a',
  'b',
  '/',
  '//',
  'a/',
  '-',
  '\uffee',
  '\u{1f600}',
  'é',
  '\0',
  '\u{10ffff}',
  '.',
  '..',
);
const key = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
const prefix = fc.array(piece, { maxLength: 3 }).map((pieces) => pieces.join(''));
const delimiter = fc.constantFrom('', '/', '/', '//', 'a', '\u{1f600}', '\u{10ffff}');

function byUtf8(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** What a listing is, told in the plainest way: every entry in order, all keys read. */
function model(keys: readonly string[], wanted: { prefix: string; delimiter: string; startAfter: string }): string[] {
  const entries = keys
    .filter((candidate) => candidate.startsWith(wanted.prefix))
    .map((candidate) => rollUp(candidate, wanted));
  const marker = wanted.startAfter;
  const rolledMarker = marker.startsWith(wanted.prefix) ? rollUp(marker, wanted) : marker;
  return [...new Set(entries)].sort(byUtf8).filter((entry) => marker === '' || byUtf8(entry, rolledMarker) > 0);
}

function rollUp(candidate: string, wanted: { prefix: string; delimiter: string }): string {
  const at = wanted.delimiter === '' ? -1 : candidate.indexOf(wanted.delimiter, wanted.prefix.length);
  return at === -1 ? candidate : candidate.slice(0, at + wanted.delimiter.length);
}

describe('listing', () => {
  let folder: string;
  let store: EmbeddedStore;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'parthenon-listing-'));
    store = await EmbeddedStore.open(folder);
  });

  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  async function fill(bucket: string, keys: readonly string[]): Promise<void> {
    await store.createBucket(bucket);
    for (const name of keys) {
      await using staged = await store.stage(nothing());
      await store.put({ bucket, key: name }, staged, {});
    }
  }

  test('pages joined are what the model says, by tokens and by markers', { timeout: 120_000 }, async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { maxLength: 40 }),
        prefix,
        delimiter,
        fc.oneof(fc.constant(''), key),
        fc.integer({ min: 1, max: 7 }),
        async (keys, wantedPrefix, wantedDelimiter, startAfter, limit) => {
          const bucket = `bucket-${run++}`;
          await fill(bucket, keys);
          const wanted = { prefix: wantedPrefix, delimiter: wantedDelimiter, startAfter };
          const query = { prefix: wantedPrefix, delimiter: wantedDelimiter, limit };
          const expected = model(keys, wanted);
          const first = startBehind(startAfter, wantedPrefix, wantedDelimiter);
          const byToken = await pages(bucket, query, first, (page) => page.next);
          expect(byToken).toEqual(expected);
          const byMarker = await pages(
            bucket,
            query,
            first,
            (page) => page.next && startBehind(page.lastEntry ?? '', wantedPrefix, wantedDelimiter),
          );
          expect(byMarker).toEqual(expected);
        },
      ),
      { numRuns: 100 },
    );
  });

  type Page = Awaited<ReturnType<EmbeddedStore['list']>>;

  async function pages(
    bucket: string,
    query: { prefix: string; delimiter: string; limit: number },
    first: Seek<string>,
    nextOf: (page: Page) => Seek<string> | undefined,
  ): Promise<string[]> {
    const entries: string[] = [];
    let start: Seek<string> | undefined = first;
    while (start !== undefined) {
      const page: Page = await store.list(bucket, { ...query, start });
      const onPage = [...page.rows.map((row) => row.key), ...page.commonPrefixes];
      expect(onPage.length).toBeLessThanOrEqual(query.limit);
      if (page.next !== undefined) expect(onPage.length).toBe(query.limit);
      entries.push(...onPage.sort(byUtf8));
      start = nextOf(page);
    }
    return entries;
  }

  test('reads the keys that it shows and not those under common prefixes', async () => {
    const folders = Array.from({ length: 20 }, (_, index) => `folder-${String(index).padStart(2, '0')}/`);
    const keys = folders.flatMap((name) =>
      Array.from({ length: 1000 }, (_, file) => name + String(file).padStart(4, '0')),
    );
    let read = 0;
    const page = await walk<{ key: string }, string>({
      prefix: '',
      delimiter: '/',
      limit: 1000,
      start: { atKey: '' },
      fetch: async (seek, count) => {
        const rest = keys.filter((name) => ('atKey' in seek ? name >= seek.atKey : name > seek.behind));
        const rows = rest.slice(0, count).map((name) => ({ key: name }));
        read += rows.length;
        return rows;
      },
      positionOf: (row) => row.key,
    });
    expect(page.commonPrefixes).toEqual(folders);
    expect(read).toBeLessThan(keys.length / 10);
  });
});

async function* nothing(): AsyncGenerator<Uint8Array> {}
