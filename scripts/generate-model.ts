/**
 * Makes `src/wire/model.json`, Athena's contract, from the service model that AWS ships in botocore.
 *
 *   node scripts/generate-model.ts            fetches botocore with uv into a temporary folder and writes the file
 *   node scripts/generate-model.ts --check    says whether the file is what would be written, and writes nothing
 *   … --from <service-2.json[.gz]>            takes the service model from there and fetches nothing
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';

export const BOTOCORE_VERSION = '1.44.5';
const MODEL_FILE = join(import.meta.dirname, '../src/wire/model.json');

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type JsonObject = { readonly [name: string]: Json };

/** What is kept, in the order it is written; prose and what only code generators need stays behind. */
const KEPT = {
  metadata: ['apiVersion', 'jsonVersion', 'serviceId', 'targetPrefix'],
  operation: ['input', 'output', 'errors', 'idempotent', 'readonly'],
  shape: ['type', 'required', 'members', 'member', 'key', 'value', 'enum', 'pattern', 'min', 'max'],
  flags: ['exception', 'fault', 'error', 'sensitive', 'deprecated', 'box'],
  member: ['shape', 'idempotencyToken', 'deprecated', 'sensitive'],
};

/** @returns the text of model.json */
export function modelOf(service: JsonObject): string {
  const model = {
    generatedBy: `scripts/generate-model.ts from botocore ${BOTOCORE_VERSION}, data/athena/2017-05-18/service-2.json`,
    metadata: pick(service.metadata, KEPT.metadata),
    operations: mapSorted(service.operations, operationOf),
    shapes: mapSorted(service.shapes, shapeOf),
  };
  return `${JSON.stringify(model, null, 1)}\n`;
}

function operationOf(operation: Json): Json {
  const kept = pick(operation, KEPT.operation);
  const nameOf = (reference: Json | undefined): Json => object(reference).shape ?? null;
  return { ...kept, input: nameOf(kept.input), output: nameOf(kept.output), errors: list(kept.errors).map(nameOf) };
}

function shapeOf(shape: Json): Json {
  const kept = { ...pick(shape, [...KEPT.shape, ...KEPT.flags]) };
  for (const part of ['member', 'key', 'value']) {
    if (kept[part] !== undefined) kept[part] = pick(kept[part], KEPT.member);
  }
  // Members stay in the model's order: validation errors are told in it.
  if (kept.members !== undefined) {
    const members = Object.entries(object(kept.members)).map(([name, member]) => [name, pick(member, KEPT.member)]);
    kept.members = Object.fromEntries(members);
  }
  return kept;
}

function mapSorted(of: Json | undefined, change: (value: Json) => Json): Json {
  const entries = Object.entries(object(of)).map(([name, value]) => [name, change(value)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function pick(from: Json | undefined, names: readonly string[]): JsonObject {
  const source = object(from);
  return Object.fromEntries(names.flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])));
}

function object(value: Json | undefined): JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as JsonObject) : {};
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function readServiceModel(file: string): JsonObject {
  const bytes = readFileSync(file);
  return JSON.parse((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')) as JsonObject;
}

function fetchServiceModel(): JsonObject {
  const folder = mkdtempSync(join(tmpdir(), 'botocore-'));
  try {
    const wanted = `botocore==${BOTOCORE_VERSION}`;
    execFileSync('uv', ['pip', 'install', '--quiet', '--target', folder, '--no-deps', wanted], { stdio: 'inherit' });
    return readServiceModel(join(folder, 'botocore/data/athena/2017-05-18/service-2.json.gz'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function main(): void {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, from: { type: 'string' } } });
  const text = modelOf(values.from === undefined ? fetchServiceModel() : readServiceModel(values.from));
  if (!values.check) {
    writeFileSync(MODEL_FILE, text);
    return;
  }
  if (readFileSync(MODEL_FILE, 'utf8') === text) return;
  process.stderr.write('src/wire/model.json is not what scripts/generate-model.ts makes; run it.\n');
  process.exitCode = 1;
}

if (import.meta.main) main();
