/**
 * `npm run bench`: every figure in one run, beside its baseline, as a table and as JSON in bench/results/.
 * `--smoke` takes each sample once or twice, to show that the bench itself works. Method and results: docs/performance.md
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { buildTestJars } from '../test/support/jars.ts';
import { startTestServer } from '../test/support/server.ts';
import { measureCalculations } from './calculations.ts';
import { measureConnect } from './connect.ts';
import { measureDensity } from './density.ts';
import { measureHistory } from './history.ts';
import { measureObjects } from './objects.ts';
import { measureOutput } from './output.ts';
import { encryptedIceberg, jvmProperties, rawEncryptedIceberg, runTimeProperties } from './properties.ts';
import { measureRawPySpark } from './raw-pyspark.ts';
import { baselineOf, type Figure, keep, printTable } from './report.ts';
import { measureRequests } from './requests.ts';
import { measureSoak } from './soak.ts';
import { measureBurst, measureStarts } from './starts.ts';

const smoke = process.argv.includes('--smoke');
const runs = smoke ? 1 : 5;
const work = mkdtempSync(join(tmpdir(), 'parthenon-bench-'));
const jars = buildTestJars(work);
const figures: Figure[] = [];

const raw = measureRawPySpark('default properties', {}, runs);
const rawCustom = measureRawPySpark('encryption, Iceberg, own jar', rawEncryptedIceberg(work, jars.udfs), runs);
figures.push(...raw.figures, ...rawCustom.figures);
const plain = baselineOf('raw PySpark', raw.usable);
const custom = baselineOf('raw PySpark with the same', rawCustom.usable);

const warm = await startTestServer({ 'pool-size': '1', catalog: 'on' });
await warm.s3.send(new CreateBucketCommand({ Bucket: 'bench' }));
await warm.s3.send(new PutObjectCommand({ Bucket: 'bench', Key: 'udfs.jar', Body: readFileSync(jars.udfs) }));
const withJar = { ...encryptedIceberg, 'spark.jars': 's3://bench/udfs.jar' };
const kinds = [
  { name: 'hot driver, default properties', properties: {}, baseline: plain },
  { name: 'hot driver, run-time properties', properties: runTimeProperties, baseline: plain },
  { name: 'warm driver, encryption, Iceberg, own jar', properties: withJar, baseline: custom },
];
for (const kind of kinds) figures.push(...(await measureStarts(warm, { ...kind, pool: 1 }, runs)));
figures.push(...(await measureDensity(warm, 1, smoke ? 2 : 10)));
await warm.remove();

const cold = await startTestServer();
const fresh = { name: 'fresh driver, JVM options', properties: jvmProperties, baseline: plain, pool: 0 };
figures.push(...(await measureStarts(cold, fresh, runs)));
figures.push(...(await measureCalculations(cold, smoke ? 3 : 50)));
figures.push(...(await measureSoak(cold, smoke ? 40 : 2000)));
figures.push(...(await measureOutput(cold, smoke ? 1 : 100)));
figures.push(...(await measureConnect(cold, smoke ? 3 : 200, smoke ? 10 : 1000)));
figures.push(...(await measureRequests(cold, smoke ? 1 : 10)));
figures.push(...(await measureObjects(cold, smoke ? 20 : 500)));
await cold.remove();

const two = await startTestServer({ 'pool-size': '2' });
figures.push(...(await measureBurst(two, 4, smoke ? 0 : 2, plain)));
await two.remove();

figures.push(...(await measureHistory(smoke ? 100 : 100_000, 10, smoke ? 5 : 200)));

rmSync(work, { recursive: true });
printTable(figures);
console.log(`\nkept in ${keep(figures, resolve(import.meta.dirname, 'results'))}`);
