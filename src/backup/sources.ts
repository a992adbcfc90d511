/** Which of a server's parts lie in its home, by its settings. */
import { join } from 'node:path';
import type { Config } from '../config.ts';

/** The state database. */
export function databaseUrl({ databaseUrl: given, home }: Pick<Config, 'databaseUrl' | 'home'>): string {
  return given ?? `sqlite:${join(home, 'state.db')}`;
}

export function hasObjects({ s3Endpoint }: Config): boolean {
  return s3Endpoint === undefined;
}

/** Also where the catalog is off now: what it held is there still. */
export function hasDerby({ catalogUrl }: Config): boolean {
  return catalogUrl === undefined;
}
