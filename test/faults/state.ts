/** The databases between two servers: what the one left is to be whole before the other repairs anything. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promise } from './ledger.ts';
import type { Site } from './site.ts';

const STATE = 'state.db';
const OBJECTS = join('objects', 'index.sqlite');
/** Longer than the longest idle timeout. */
const AGE_MILLIS = 24 * 3_600_000;

/** Looks at copies, so that the next server finds what the last one left. */
export function checkState(site: Site): void {
  const copies = mkdtempSync(join(site.folder, 'state-'));
  try {
    for (const name of [STATE, OBJECTS]) {
      copy(site.home, copies, name);
      using database = new DatabaseSync(join(copies, name));
      const found = JSON.stringify(database.prepare('PRAGMA integrity_check').all());
      promise(found === '[{"integrity_check":"ok"}]', () => `${name} is damaged: ${found}`);
    }
    using database = new DatabaseSync(join(copies, STATE));
    checkLeases(database);
  } finally {
    rmSync(copies, { recursive: true });
  }
}

/** Makes the session of one client one that has been idle for a day. @returns whether it was IDLE */
export function age(site: Site, client: number): boolean {
  const session = site.sessions.filter(({ isEnded }) => !isEnded)[client];
  if (session === undefined) return false;
  using database = new DatabaseSync(join(site.home, STATE));
  const { changes } = database
    .prepare(`UPDATE sessions SET idle_since = idle_since - ? WHERE id = ? AND state = 'IDLE'`)
    .run(AGE_MILLIS, session.id);
  if (changes === 0) return false;
  session.mayTerminate = true;
  return true;
}

/** What has ended holds nothing, and what has not is the last server's. */
function checkLeases(database: DatabaseSync): void {
  const held = database
    .prepare('SELECT id, state FROM sessions WHERE ended_at IS NOT NULL AND driver_json IS NOT NULL')
    .all();
  promise(held.length === 0, () => `sessions that have ended hold a driver: ${JSON.stringify(held)}`);
  const open = database
    .prepare(
      `SELECT calculations.id FROM calculations JOIN sessions ON sessions.id = session_id
       WHERE sessions.ended_at IS NOT NULL AND completed_at IS NULL`,
    )
    .all();
  promise(open.length === 0, () => `calculations go on in sessions that have ended: ${JSON.stringify(open)}`);
  const owners = database.prepare('SELECT DISTINCT owner FROM sessions WHERE ended_at IS NULL').all();
  promise(owners.length <= 1, () => `sessions are leased to servers that are no more: ${JSON.stringify(owners)}`);
}

function copy(from: string, to: string, name: string): void {
  mkdirSync(dirname(join(to, name)), { recursive: true });
  for (const file of [name, `${name}-wal`]) {
    if (existsSync(join(from, file))) cpSync(join(from, file), join(to, file));
  }
}
