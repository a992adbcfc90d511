import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { locateRuntime } from '../src/runtime/runtime.ts';
import type { Figure } from './report.ts';

const SCRIPT = resolve(import.meta.dirname, 'raw_pyspark.py');

/** The baseline: a plain PySpark process of the same environment, with these properties. Seconds. */
export function measureRawPySpark(
  name: string,
  properties: Readonly<Record<string, string>>,
  runs: number,
): { figures: Figure[]; usable: number[] } {
  const { python } = locateRuntime();
  const settings = Object.entries(properties).map(([key, value]) => `${key}=${value}`);
  const samples = Array.from({ length: runs }, () => {
    const args = [SCRIPT, String(Date.now() / 1000), 'local[2]', ...settings];
    const output = execFileSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return output.trim().split(/\s+/).map(Number) as [number, number];
  });
  const usable = samples.map(([seconds]) => seconds);
  return {
    usable,
    figures: [
      { name: `raw PySpark, ${name}: process start to a usable session`, unit: 's', samples: usable },
      {
        name: `raw PySpark, ${name}: from there to the end of a first job`,
        unit: 's',
        samples: samples.map(([seconds, withJob]) => withJob - seconds),
      },
    ],
  };
}
