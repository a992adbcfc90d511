import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestServer } from './server.ts';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly samples: readonly Sample[];
}

/** What a server's `/metrics` says. */
export class Scrape {
  readonly families: ReadonlyMap<string, Family>;

  constructor(text: string) {
    this.families = parseExposition(text);
  }

  /** The one sample with this name and these labels, whatever others it has; undefined for none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const all = [...this.families.values()].flatMap(({ samples }) => samples);
    return all.find(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )?.value;
  }

  /** As queries name them: histograms by `_bucket`, `_sum` and `_count`. */
  get names(): Set<string> {
    const ends = (type: string) => (type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']);
    return new Set([...this.families].flatMap(([name, { type }]) => ends(type).map((end) => name + end)));
  }
}

export async function scrape(server: TestServer): Promise<Scrape> {
  const token = readFileSync(join(server.home, 'metrics-token'), 'utf8');
  const reply = await fetch(`${server.endpoint}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  if (reply.status !== 200) throw new Error(`${reply.status} ${await reply.text()}`);
  return new Scrape(await reply.text());
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const TYPES = ['counter', 'gauge', 'histogram', 'summary'];

/**
 * Reads Prometheus' text format, version 0.0.4, and is as strict as `promtool check metrics`.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 * @throws Error with the line
 */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('The last line must end with a line feed');
  const families = new Map<string, { help: boolean; type: string; samples: Sample[] }>();
  let current = '';
  for (const line of text.split('\n')) {
    const fault = (what: string) => new Error(`${what}: ${line}`);
    if (line === '') continue;
    const [hash, kind = '', name = '', ...rest] = line.split(' ');
    if (hash === '#' && (kind === 'HELP' || kind === 'TYPE')) {
      if (!NAME.test(name)) throw fault('No name of a metric');
      if (name !== current && families.has(name)) throw fault('A family in two places');
      current = name;
      const family = families.get(name) ?? { help: false, type: '', samples: [] };
      families.set(name, family);
      if (family.samples.length > 0) throw fault('Comes after its samples');
      if (kind === 'HELP') {
        if (family.help || rest.join(' ') === '') throw fault('One help text, and not an empty one');
        family.help = true;
      } else {
        if (family.type !== '' || !TYPES.includes(rest.join(' '))) throw fault('One type, and a known one');
        family.type = rest.join(' ');
      }
      continue;
    }
    const family = families.get(current);
    const sample = readSample(line);
    if (sample === undefined) throw fault('No sample');
    if (!family?.help || family.type === '') throw fault('Without help and type');
    if (!belongs(sample.name, current, family.type)) throw fault(`In the family ${current}`);
    family.samples.push(sample);
  }
  for (const [name, { type, samples }] of families) checkFamily(name, type, samples);
  return families;
}

function readSample(line: string): Sample | undefined {
  const [, name, inner = '', number = ''] = SAMPLE.exec(line) ?? [];
  const value = { '+Inf': Number.POSITIVE_INFINITY, '-Inf': Number.NEGATIVE_INFINITY }[number] ?? Number(number);
  // As Go reads floats, which is how the format defines them.
  if (name === undefined || (Number.isNaN(value) && !/^nan$/i.test(number))) return undefined;
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inner.length) {
    const [, label, text = ''] = LABEL.exec(inner) ?? [];
    if (label === undefined || Object.hasOwn(labels, label)) return undefined;
    labels[label] = text.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
  }
  return { name, labels, value };
}

function belongs(name: string, family: string, type: string): boolean {
  if (type === 'histogram') return [`${family}_bucket`, `${family}_sum`, `${family}_count`].includes(name);
  if (type === 'summary') return [family, `${family}_sum`, `${family}_count`].includes(name);
  return name === family;
}

function checkFamily(name: string, type: string, samples: readonly Sample[]): void {
  const keys = samples.map(({ name: sample, labels }) => sample + JSON.stringify(Object.entries(labels).sort()));
  if (new Set(keys).size !== keys.length) throw new Error(`${name} has a sample twice`);
  if (type !== 'counter' && name.endsWith('_total')) throw new Error(`${name} is named like a counter`);
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} counts down`);
  if (type !== 'histogram') return;
  const series = Map.groupBy(samples, ({ labels: { le: _, ...others } }) =>
    JSON.stringify(Object.entries(others).sort()),
  );
  for (const of of series.values()) {
    const buckets = of.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => (labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le)));
    const counts = buckets.map(({ value }) => value);
    const rises = (numbers: number[]) =>
      numbers.every((each, index) => index === 0 || each >= (numbers[index - 1] ?? 0));
    const count = of.find((sample) => sample.name === `${name}_count`)?.value;
    if (!rises(bounds) || !rises(counts)) throw new Error(`Buckets of ${name} are not in order`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY || counts.at(-1) !== count) {
      throw new Error(`The last bucket of ${name} does not hold all`);
    }
    if (!of.some((sample) => sample.name === `${name}_sum`)) throw new Error(`${name} has no sum`);
  }
}
