/**
 * `npm run demo`: starts a server of its own on a free port, a session with three Spark properties, shows them from inside,
 * runs an aggregation and a plot over a CSV that it makes, prints what comes back with timings, and stops everything.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AthenaClient,
  GetCalculationExecutionCommand,
  GetSessionStatusCommand,
  StartCalculationExecutionCommand,
  StartSessionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { pino } from 'pino';
import { loadConfig } from '../src/config.ts';
import { startServer } from '../src/main.ts';

const BUCKET = 'demo-weather';
const ROWS = 5000;
const POLL_MILLIS = 20;
const properties = {
  'spark.sql.shuffle.partitions': '4',
  'spark.sql.session.timeZone': 'Europe/Athens',
  'spark.serializer': 'org.apache.spark.serializer.KryoSerializer',
};

const showProperties = `for name in ${JSON.stringify(Object.keys(properties))}:
    print(f"{name} = {spark.conf.get(name)}")`;
const aggregate = `weather = spark.read.csv("s3://${BUCKET}/weather.csv", header=True, inferSchema=True)
by_month = weather.groupBy("month").avg("temperature", "rain").orderBy("month")
by_month.show()`;
const plot = `import matplotlib.pyplot as plt
frame = by_month.toPandas()
plt.bar(frame["month"], frame["avg(temperature)"])
plt.xlabel("month")
plt.ylabel("mean temperature, °C")
plt.show()`;

const home = mkdtempSync(join(tmpdir(), 'parthenon-demo-'));
const plotFile = join(process.cwd(), 'demo-plot.png');
const { config } = loadConfig({ home, port: '0', poolSize: '0' });
const server = await timed('server started', () => startServer(config, pino({ level: 'error' }, pino.destination(2))));
try {
  const { accessKeyId, secretAccessKey } = server.keys.administrator;
  const client = { endpoint: server.endpoint, region: config.region, credentials: { accessKeyId, secretAccessKey } };
  await demonstrate(new AthenaClient(client), new S3Client({ ...client, forcePathStyle: true }));
} finally {
  await timed('server stopped', () => server.stop());
  rmSync(home, { recursive: true, force: true });
}

async function demonstrate(athena: AthenaClient, s3: S3Client): Promise<void> {
  await timed(`${ROWS} rows of CSV written to s3://${BUCKET}/weather.csv`, async () => {
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'weather.csv', Body: makeWeather() }));
  });
  const SessionId = await timed('session IDLE, with three Spark properties', () => startSession(athena));
  for (const [name, code] of Object.entries({ properties: showProperties, aggregation: aggregate, plot })) {
    const result = await timed(name, () => calculate(athena, SessionId, code));
    const stdout = await readObject(s3, result.StdOutS3Uri);
    if (stdout !== '') console.log(stdout);
    const { outputs } = JSON.parse(await readObject(s3, result.ResultS3Uri)) as {
      outputs: { data?: Record<string, string> }[];
    };
    const png = outputs.find((output) => output.data?.['image/png'])?.data?.['image/png'];
    if (png !== undefined) {
      writeFileSync(plotFile, Buffer.from(png, 'base64'));
      console.log(`  the plot is in ${plotFile}\n`);
    }
  }
  await timed('session terminated', async () => {
    await athena.send(new TerminateSessionCommand({ SessionId }));
    await waitFor(() => sessionState(athena, SessionId), ['TERMINATED', 'FAILED']);
  });
}

async function startSession(athena: AthenaClient): Promise<string> {
  const request = new StartSessionCommand({
    WorkGroup: 'primary',
    EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties: properties },
  });
  const SessionId = (await athena.send(request)).SessionId as string;
  const state = await waitFor(() => sessionState(athena, SessionId), ['IDLE', 'FAILED']);
  if (state !== 'IDLE') {
    const { Status } = await athena.send(new GetSessionStatusCommand({ SessionId }));
    throw new Error(`The session is ${state}: ${Status?.StateChangeReason}`);
  }
  return SessionId;
}

async function calculate(athena: AthenaClient, SessionId: string, CodeBlock: string) {
  const { CalculationExecutionId } = await athena.send(new StartCalculationExecutionCommand({ SessionId, CodeBlock }));
  const get = () => athena.send(new GetCalculationExecutionCommand({ CalculationExecutionId }));
  const state = await waitFor(async () => (await get()).Status?.State ?? '', ['COMPLETED', 'FAILED', 'CANCELED']);
  const { Result, Status } = await get();
  if (state !== 'COMPLETED' || Result === undefined)
    throw new Error(`The calculation ${state}: ${Status?.StateChangeReason}`);
  return Result;
}

async function sessionState(athena: AthenaClient, SessionId: string): Promise<string> {
  return (await athena.send(new GetSessionStatusCommand({ SessionId }))).Status?.State ?? '';
}

async function waitFor(state: () => Promise<string>, wanted: readonly string[]): Promise<string> {
  for (;;) {
    const now = await state();
    if (wanted.includes(now)) return now;
    await new Promise((done) => setTimeout(done, POLL_MILLIS));
  }
}

async function readObject(s3: S3Client, uri: string | undefined): Promise<string> {
  const { host, pathname } = new URL(uri as string);
  const reply = await s3.send(new GetObjectCommand({ Bucket: host, Key: pathname.slice(1) }));
  return (await reply.Body?.transformToString()) ?? '';
}

/** Daily readings of three stations, made by a formula: the same at every run, and nobody's property. */
function makeWeather(): string {
  const lines = ['station,year,month,day,temperature,rain'];
  for (let row = 0; row < ROWS; row += 1) {
    const [month, day] = [(Math.floor(row / 28) % 12) + 1, (row % 28) + 1];
    const temperature = 18 - 10 * Math.cos((2 * Math.PI * (month - 1)) / 12) + ((row * 37) % 11) / 2 - 2.5;
    const rain = Math.max(0, ((row * 53) % 17) - 8 + 4 * Math.cos((2 * Math.PI * (month - 1)) / 12));
    lines.push(
      `${['Athens', 'Volos', 'Chania'][row % 3]},${2000 + Math.floor(row / 336)},${month},${day},${temperature.toFixed(1)},${rain.toFixed(1)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  console.log(`[${((performance.now() - start) / 1000).toFixed(2).padStart(6)} s] ${what}`);
  return result;
}
