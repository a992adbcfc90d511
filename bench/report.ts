import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';

/** One measured quantity, lower is better unless the unit is a rate. */
export interface Figure {
  readonly name: string;
  readonly unit: 'ms' | 's' | 'requests/s' | 'MB' | '% of a core' | 'sessions';
  /** None where it could not be measured; `name` says why. */
  readonly samples: readonly number[];
  /** What the median is divided by, and what that is. */
  readonly baseline?: { readonly name: string; readonly median: number };
}

export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** Runs `work` `count` times one after the other. @returns milliseconds of each */
export async function sample(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let run = 0; run < count; run += 1) {
    const start = performance.now();
    await work();
    samples.push(performance.now() - start);
  }
  return samples;
}

export function printTable(figures: readonly Figure[]): void {
  const [load] = loadavg();
  console.log(
    `\n${cpus().length} cores (${cpus()[0]?.model}), ${Math.round(totalmem() / 1024 ** 3)} GiB, load average ${load?.toFixed(2)}\n`,
  );
  console.log('| figure | median | p95 | runs | against a baseline of the same run |\n|---|---|---|---|---|');
  for (const { name, unit, samples, baseline } of figures) {
    if (samples.length === 0) {
      console.log(`| ${name} | | | 0 | |`);
      continue;
    }
    const middle = median(samples);
    const ratio = baseline ? `${(middle / baseline.median).toFixed(2)} x ${baseline.name}` : '';
    console.log(
      `| ${name} | ${round(middle)} ${unit} | ${round(quantile(samples, 0.95))} | ${samples.length} | ${ratio} |`,
    );
  }
}

/** The baseline of other figures. */
export function baselineOf(name: string, samples: readonly number[]): NonNullable<Figure['baseline']> {
  return { name, median: median(samples) };
}

/** Keeps a run as JSON beside the earlier ones. @returns the file */
export function keep(figures: readonly Figure[], folder: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replaceAll(':', '-')}.json`);
  const machine = {
    cores: cpus().length,
    model: cpus()[0]?.model,
    memory: totalmem(),
    load: loadavg(),
    node: process.version,
  };
  writeFileSync(file, `${JSON.stringify({ machine, figures }, undefined, 2)}\n`);
  return file;
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}
