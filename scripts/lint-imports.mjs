// Holds the direction of imports between the rooms of src/ (docs/architecture.md): npm run lint
// A table of its own, since the linter's settings would take a screen for each room.

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkout } from './setup/paths.mjs';

/** For each room the rooms and files that it may import, beside itself. A longer path counts before a shorter one. */
const ROOMS = new Map(
  Object.entries({
    wire: ['json-line.ts', 'operations', 'access'],
    'wire/s3': ['wire', 'operations', 'access', 'objects'],
    operations: ['endpoints', 'sessions', 'notebooks', 'workgroups', 'access', 'store'],
    sessions: [
      'regular-files.ts',
      'spark-properties',
      'workgroups',
      'notebooks',
      'access',
      'store',
      'drivers',
      'objects',
    ],
    notebooks: ['workgroups', 'sessions', 'access', 'store', 'drivers', 'objects'],
    workgroups: ['sessions', 'notebooks', 'access', 'store', 'drivers', 'objects'],
    endpoints: ['sessions', 'notebooks', 'workgroups', 'access', 'store', 'drivers', 'objects'],
    'endpoints/live': ['regular-files.ts', 'sessions', 'store', 'objects'],
    'endpoints/spark-ui': ['endpoints', 'sessions', 'access', 'store', 'drivers', 'objects', 'java'],
    access: ['store', 'home.ts'],
    drivers: ['spark-properties', 'runtime', 'regular-files.ts'],
    'spark-properties': [],
    catalog: ['drivers/processes.ts', 'java'],
    java: ['drivers/processes.ts'],
    store: [],
    objects: ['store/sqlite.ts', 'regular-files.ts'],
    runtime: [],
    telemetry: ['sessions/states.ts', 'store', 'drivers/driver.ts'],
    'errors.ts': [],
    'happenings.ts': [],
    'spans.ts': [],
    'regular-files.ts': [],
    'config.ts': ['settings.ts'],
    'settings.ts': ['machine-memory.ts'],
    'machine-memory.ts': [],
    'clock.ts': [],
    'run-out.ts': [],
    'json-line.ts': [],
    'home.ts': [],
    'log-destination.ts': ['json-line.ts'],
    stop: ['drivers/processes.ts'],
    backup: ['stop/server-process.ts', 'drivers/processes.ts', 'store', 'objects', 'home.ts'],
    cli: ['config.ts'],
    'main.ts': ['*'],
    composition: ['*'],
    'cli.ts': ['*'],
  }),
);

/** What every room may import. */
const COMMON = ['errors.ts', 'config.ts', 'clock.ts', 'run-out.ts', 'happenings.ts', 'spans.ts'];

/** Packages and parts of Node that only some rooms may know. */
const MODULES = new Map(
  Object.entries({
    'node:http': ['wire', 'endpoints/spark-ui'],
    'node:https': ['wire'],
    'node:http2': ['wire', 'endpoints'],
    'node:child_process': ['drivers', 'java', 'runtime', 'backup', 'cli.ts'],
    zeromq: ['drivers'],
    kysely: ['store', 'objects'],
    pg: ['store'],
    'node:sqlite': ['store', 'objects'],
    'node:diagnostics_channel': ['happenings.ts'],
    'prom-client': ['telemetry'],
    '@opentelemetry': ['telemetry'],
    '@aws-sdk/client-s3': ['objects', 'wire/s3', 'cli'],
    '@aws-sdk/client-sts': ['objects'],
  }),
);

/** `import … from 'x'`, `export … from 'x'`, `import 'x'`, `import('x')`; over several lines too. */
const IMPORT = /(?:^|\s|;)(?:import|export)\s(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;

/**
 * The imports of one file that are not allowed.
 * @param {string} file below src, e.g. `wire/server.ts`
 * @param {string} source
 * @returns {{ line: number, message: string }[]}
 */
export function findViolations(file, source) {
  const room = roomOf(file);
  const violations = [];
  for (const match of source.matchAll(IMPORT)) {
    const specifier = /** @type {string} */ (match[1] ?? match[2]);
    const problem = specifier.startsWith('.')
      ? checkFile(room, posix.join(posix.dirname(file), specifier))
      : checkModule(room, specifier);
    if (problem) {
      const line = source.slice(0, match.index + match[0].lastIndexOf(specifier)).split('\n').length;
      violations.push({ line, message: `${room} may not import ${problem}` });
    }
  }
  return violations;
}

/** @param {string} file */
function roomOf(file) {
  const rooms = [...ROOMS.keys()].filter((room) => isIn(file, room)).sort((a, b) => b.length - a.length);
  if (rooms[0] === undefined) throw new Error(`src/${file} lies in no room that scripts/lint-imports.mjs knows`);
  return rooms[0];
}

/**
 * @param {string} room
 * @param {string} target below src
 */
function checkFile(room, target) {
  const allowed = [room, ...COMMON, .../** @type {string[]} */ (ROOMS.get(room))];
  return allowed.some((place) => place === '*' || isIn(target, place)) ? undefined : target;
}

/**
 * @param {string} room
 * @param {string} specifier
 */
function checkModule(room, specifier) {
  for (const [module, rooms] of MODULES) {
    if (isIn(specifier, module) && !rooms.some((place) => isIn(room, place))) return specifier;
  }
  return undefined;
}

/**
 * @param {string} path
 * @param {string} place the path itself or a folder above it
 */
function isIn(path, place) {
  return path === place || path.startsWith(`${place}/`);
}

if (import.meta.url === pathToFileURL(String(process.argv[1])).href) {
  const src = join(checkout, 'src');
  const files = /** @type {string[]} */ (readdirSync(src, { recursive: true })).filter((name) => name.endsWith('.ts'));
  for (const file of files.sort()) {
    for (const { line, message } of findViolations(file, readFileSync(join(src, file), 'utf8'))) {
      console.error(`src/${file}:${line}: ${message}`);
      process.exitCode = 1;
    }
  }
}
