/** Paths of this machine in Spark properties: only below the folders that the operator allows. */
import { realpathSync } from 'node:fs';
import { delimiter, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ruleOf } from './rules.ts';

/** Properties that hold a class path; the others are lists with commas. */
const CLASS_PATHS = new Set(['spark.driver.extraClassPath', 'spark.driver.extraLibraryPath']);
/** `s3://…`, `https://…`, `ivy://…`; a letter and a colon alone would be a drive. */
const SCHEME = /^([a-z][a-z0-9+.-]+):/i;

/**
 * Why these properties must be refused: one clause for each path that lies elsewhere.
 * @param allowed folders of the operator, absolute
 */
export function forbiddenPaths(properties: Readonly<Record<string, string>>, allowed: readonly string[]): string[] {
  const roots = allowed.map(realPath).filter((path) => path !== undefined);
  return Object.entries(properties).flatMap(([name, value]) => {
    if (!ruleOf(name).fates.includes('local-path')) return [];
    return localPaths(name, value)
      .filter((path) => !isBelow(path, roots))
      .map((path) => `${name} (${path} lies below no folder that PARTHENON_ALLOWED_PATHS names)`);
  });
}

/** The files and folders of this machine that properties name, absolute, there or not: with patterns, the folders above them. */
export function pathsNamed(properties: Readonly<Record<string, string>>): string[] {
  return Object.entries(properties).flatMap(([name, value]) => {
    if (!ruleOf(name).fates.includes('local-path')) return [];
    return localPaths(name, value).map((entry) => plainPath(withoutPattern(entry)));
  });
}

function localPaths(name: string, value: string): string[] {
  const entries = value.split(CLASS_PATHS.has(name) ? delimiter : ',').map((entry) => entry.trim());
  return entries.filter((entry) => entry !== '' && ['file', undefined].includes(schemeOf(entry)));
}

function schemeOf(entry: string): string | undefined {
  return SCHEME.exec(entry)?.[1]?.toLowerCase();
}

/** Where a path leads counts, not what it is called; one that leads nowhere lies nowhere. */
function isBelow(entry: string, roots: readonly string[]): boolean {
  const path = realPath(withoutPattern(entry));
  return path !== undefined && roots.some((root) => path === root || path.startsWith(root + sep));
}

/** `file:/jars/*.jar#alias` -> `/jars`: what Spark reads as a pattern is judged by the folder above it. */
function withoutPattern(entry: string): string {
  const [path = ''] = entry.split('#');
  const at = path.search(/[*?[{]/);
  return at < 0 ? path : path.slice(0, path.lastIndexOf('/', at) + 1);
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(plainPath(path));
  } catch {
    return undefined;
  }
}

function plainPath(path: string): string {
  return /^file:/i.test(path) ? fileURLToPath(`file://${path.replace(/^file:\/*/i, '/')}`) : resolve(path);
}
