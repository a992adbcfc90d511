/**
 * `npm run bench`: every figure in one run, beside its baseline, as a table and as JSON in bench/results/.
 * `--smoke` takes each sample once or twice, to show that the bench itself works.
 */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { locateRuntime } from '../src/runtime/runtime.ts';
import { startTestServer } from '../test/support/server.ts';
import { measureCalculations } from './calculations.ts';
import { measureObjects } from './objects.ts';
import { customProperties } from './properties.ts';
import { type Figure, keep, median, printTable } from './report.ts';
import { measureRequests } from './requests.ts';
import { measureStarts } from './starts.ts';

const smoke = process.argv.includes('--smoke');
const runs = smoke ? 1 : 5;
const raw = measureRawPySpark(runs);
const figures: Figure[] = [
  { name: 'raw PySpark: process start to a usable session', unit: 's', samples: raw.usable },
  { name: 'raw PySpark: process start to the first job done', unit: 's', samples: raw.firstJob },
];
const baseline = { name: 'raw PySpark', median: median(raw.usable) };

const fresh = await startTestServer({ 'pool-size': '0' });
figures.push(...(await measureStarts(fresh, 'fresh driver', runs, baseline)));
figures.push(...(await measureCalculations(fresh, smoke ? 3 : 50)));
await fresh.remove();

const warm = await startTestServer({ 'pool-size': '1' });
figures.push(...(await measureStarts(warm, 'warm driver', runs, baseline, { waitForPool: true })));
await warm.remove();

const idle = await startTestServer({ 'pool-size': '0' });
figures.push(...(await measureRequests(idle, smoke ? 1 : 10)));
figures.push(...(await measureObjects(idle, smoke ? 20 : 500)));
await idle.remove();

printTable(figures);
console.log(`\nkept in ${keep(figures, resolve(import.meta.dirname, 'results'))}`);

function measureRawPySpark(count: number): { usable: number[]; firstJob: number[] } {
  const { python } = locateRuntime();
  const settings = Object.entries(customProperties).map(([name, value]) => `${name}=${value}`);
  const samples = Array.from({ length: count }, () => {
    const args = [resolve(import.meta.dirname, 'raw_pyspark.py'), String(Date.now() / 1000), 'local[2]', ...settings];
    const output = execFileSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return output.trim().split(/\s+/).map(Number) as [number, number];
  });
  return { usable: samples.map(([usable]) => usable), firstJob: samples.map(([, firstJob]) => firstJob) };
}
