import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivately } from './private-files.ts';

/** The secret by which a monitor reads metrics: made at the first start, and kept in PARTHENON_HOME for its owner's eyes only. */
export function keptMetricsToken(home: string): string {
  const file = join(home, 'metrics-token');
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  if (kept.length >= 16) return kept;
  const made = randomBytes(32).toString('base64url');
  writePrivately(file, made);
  return made;
}
