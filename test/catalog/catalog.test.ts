import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CreateWorkGroupCommand, TerminateSessionCommand } from '@aws-sdk/client-athena';
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, startIdleSession } from '../support/calculations.ts';
import { newHome, startTestServer, type TestServer, until } from '../support/server.ts';
import { metastoresOf, processesOf } from './processes.ts';

const METASTORE_TIMEOUT_MILLIS = 120_000;

let server: TestServer;

beforeAll(async () => {
  const home = newHome();
  // What a kill leaves while Derby makes its database: no service.properties.
  mkdirSync(join(home, 'catalog', 'derby', 'seg0'), { recursive: true });
  server = await startTestServer({ catalog: 'on' }, home);
});
afterAll(async () => {
  await server.remove();
});

const metastores = () => metastoresOf(server.home);

/** Runs code, and expects it to end well. @returns its stdout */
async function output(sessionId: string, code: string): Promise<string> {
  const calculation = await run(server, sessionId, code);
  expect(calculation.stderr).toBe('');
  expect(calculation.Status?.State).toBe('COMPLETED');
  return calculation.stdout;
}

async function keysBelow(Bucket: string, Prefix: string): Promise<string[]> {
  const { Contents } = await server.s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
  return (Contents ?? []).map(({ Key }) => Key as string);
}

async function end(...sessionIds: string[]): Promise<void> {
  for (const SessionId of sessionIds) await server.athena.send(new TerminateSessionCommand({ SessionId }));
}

it('is made anew where a kill has cut its making short', async () => {
  const folder = join(server.home, 'catalog');
  await until(() => existsSync(join(folder, 'derby', 'service.properties')), METASTORE_TIMEOUT_MILLIS);
  const left = readdirSync(folder).filter((name) => /^derby\.(begun|unfinished)/.test(name));
  expect(left).toEqual([expect.stringMatching(/^derby\.unfinished-\d+$/)]);
});

describe('tables', () => {
  let first: string;
  let second: string;

  beforeAll(async () => {
    await server.s3.send(new CreateBucketCommand({ Bucket: 'lake' }));
    const ResultConfiguration = { OutputLocation: 's3://lake/team' };
    await server.athena.send(
      new CreateWorkGroupCommand({
        Name: 'team',
        Configuration: { EngineVersion: { SelectedEngineVersion: 'PySpark engine version 3' }, ResultConfiguration },
      }),
    );
    // Both come before the metastore is up.
    [first, second] = (await Promise.all([
      startIdleSession(server, { WorkGroup: 'team' }),
      startIdleSession(server),
    ])) as [string, string];
  });

  it('of a database without a location lie under the workgroup’s, and other sessions read them', async () => {
    await output(
      first,
      `spark.sql("CREATE DATABASE sales")
spark.range(3).write.saveAsTable("sales.numbers")
spark.sql("CREATE TABLE sales.people (id INT, name STRING) USING parquet")
spark.sql("INSERT INTO sales.people VALUES (1, 'Ada'), (2, 'Grace')")`,
    );
    const keys = await keysBelow('lake', 'team/warehouse/sales.db/');
    expect(keys).toContainEqual(expect.stringMatching(/^team\/warehouse\/sales\.db\/numbers\/part-.*\.parquet$/));
    expect(keys).toContainEqual(expect.stringMatching(/^team\/warehouse\/sales\.db\/people\/part-.*\.parquet$/));
    const read = `print(spark.table("sales.numbers").count(), [r.name for r in spark.sql("SELECT name FROM sales.people ORDER BY id").collect()])
print(spark.sql("DESCRIBE DATABASE sales").where("info_name = 'Location'").first().info_value)`;
    expect(await output(second, read)).toBe("3 ['Ada', 'Grace']\ns3://lake/team/warehouse/sales.db\n");
  });

  it('of Hive’s DDL read text that lies in S3', async () => {
    const csv = { Bucket: 'lake', Key: 'incoming/people/one.csv', Body: '1,Ada\n2,Grace\n' };
    await server.s3.send(new PutObjectCommand(csv));
    await output(
      first,
      `spark.sql("""CREATE EXTERNAL TABLE sales.incoming (id INT, name STRING)
  ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' STORED AS TEXTFILE LOCATION 's3://lake/incoming/people/'""")`,
    );
    const read = 'print([tuple(r) for r in spark.table("sales.incoming").orderBy("id").collect()])';
    expect(await output(second, read)).toBe("[(1, 'Ada'), (2, 'Grace')]\n");
    await output(first, 'spark.sql("DROP TABLE sales.incoming")');
    expect(await keysBelow('lake', 'incoming/people/')).toContain('incoming/people/one.csv');
  });

  it('have partitions: written by Spark, found in S3 by MSCK REPAIR TABLE, dropped', async () => {
    await output(
      first,
      `spark.sql("""CREATE EXTERNAL TABLE sales.visits (page STRING) PARTITIONED BY (day STRING)
  ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/visits/'""")
spark.sql("INSERT INTO sales.visits PARTITION (day = '2026-01-01') VALUES ('home')")`,
    );
    await server.s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'visits/day=2026-01-02/a.csv', Body: 'shop\n' }));
    const list = 'print([r.partition for r in spark.sql("SHOW PARTITIONS sales.visits").collect()])';
    expect(await output(second, list)).toBe("['day=2026-01-01']\n");
    await output(second, 'spark.sql("MSCK REPAIR TABLE sales.visits")');
    const read = `${list}\nprint([r.page for r in spark.sql("SELECT page FROM sales.visits WHERE day > '2026-01-01'").collect()])`;
    expect(await output(first, read)).toBe("['day=2026-01-01', 'day=2026-01-02']\n['shop']\n");
    await output(first, `spark.sql("ALTER TABLE sales.visits DROP PARTITION (day = '2026-01-01')")`);
    expect(await output(second, list)).toBe("['day=2026-01-02']\n");
  });

  it('are made by two sessions at once, each of them whole', async () => {
    const make = (name: string) => `for n in range(5): spark.range(n + 1).write.saveAsTable(f"sales.${name}_{n}")`;
    await Promise.all([output(first, make('a')), output(second, make('b'))]);
    const counts = `print([spark.table(f"sales.{name}_{n}").count() for name in "ab" for n in range(5)])`;
    expect(await output(second, counts)).toBe('[1, 2, 3, 4, 5, 1, 2, 3, 4, 5]\n');
  });

  it('are kept when the metastore is killed; sessions wait until it is back', async () => {
    const [metastore] = metastores();
    process.kill(metastore?.pid as number, 'SIGKILL');
    const read = 'print(spark.table("sales.people").count())';
    expect(await output(first, read)).toBe('2\n');
    await output(second, 'spark.range(7).write.saveAsTable("sales.after")');
    expect(await output(first, 'print(spark.table("sales.after").count())')).toBe('7\n');
    expect(metastores().map(({ pid }) => pid)).not.toContain(metastore?.pid);
  });

  it('go with their folder when they are dropped, and stay where they are external', async () => {
    const code = `spark.sql("DROP TABLE sales.after")
spark.range(2).write.option("path", "s3://lake/kept").saveAsTable("sales.kept")
spark.sql("DROP TABLE sales.kept")
spark.sql("CREATE DATABASE short")
spark.range(1).write.saveAsTable("short.lived")
spark.sql("DROP DATABASE short CASCADE")
print(spark.catalog.databaseExists("short"))`;
    expect(await output(first, code)).toBe('False\n');
    expect(await keysBelow('lake', 'team/warehouse/sales.db/after')).toEqual([]);
    expect(await keysBelow('lake', 'team/warehouse/short.db')).toEqual([]);
    expect(await keysBelow('lake', 'kept/')).not.toEqual([]);
  });

  it('can be locked by Hive’s locks, as Iceberg’s Hive catalog does for each commit', async () => {
    const code = `metastore = sc._jvm.org.apache.hadoop.hive.metastore
conf = sc._jvm.org.apache.hadoop.hive.conf.HiveConf()
conf.set("hive.metastore.uris", spark.conf.get("spark.hadoop.hive.metastore.uris"))
client = metastore.HiveMetaStoreClient(conf)
api = metastore.api
def lock():
    part = api.LockComponent(api.LockType.EXCLUSIVE, api.LockLevel.TABLE, "sales")
    part.setTablename("people")
    request = sc._jvm.java.util.ArrayList([part])
    return client.lock(api.LockRequest(request, "user", "host"))
one, two = lock(), lock()
print(one.getState().toString(), two.getState().toString())
client.unlock(one.getLockid())
print(client.checkLock(two.getLockid()).getState().toString())
client.unlock(two.getLockid())`;
    expect(await output(first, code)).toBe('ACQUIRED WAITING\nACQUIRED\n');
  });

  it('of a session with spark.sql.catalogImplementation=in-memory are its own', async () => {
    await end(second);
    const own = await startIdleSession(server, {
      EngineConfiguration: {
        MaxConcurrentDpus: 2,
        SparkProperties: { 'spark.sql.catalogImplementation': 'in-memory' },
      },
    });
    const code = `spark.sql("CREATE DATABASE mine")
spark.range(4).write.saveAsTable("mine.numbers")
print([r.namespace for r in spark.sql("SHOW DATABASES").collect()], spark.table("mine.numbers").count())`;
    expect(await output(own, code)).toBe("['default', 'mine'] 4\n");
    expect(await output(first, 'print(spark.catalog.databaseExists("mine"))')).toBe('False\n');
    await end(first, own);
  });
});

describe('the metastore', () => {
  it('listens on loopback alone, and its secrets lie in private files and nowhere else', async () => {
    await until(() => (server.log().match(/The metastore is ready/g) ?? []).length >= 2, METASTORE_TIMEOUT_MILLIS);
    const folder = join(server.home, 'catalog');
    const port = Number(readFileSync(join(folder, 'port'), 'utf8'));
    expect(listeners(port)).toEqual(['0100007F']);
    const site = readFileSync(join(folder, 'conf', 'core-site.xml'), 'utf8');
    const secret = /<name>fs\.s3a\.secret\.key<\/name><value>([^<]+)/.exec(site)?.[1] as string;
    expect(secret).toHaveLength(40);
    for (const name of ['core-site.xml', 'hive-site.xml'])
      expect(statSync(join(folder, 'conf', name)).mode & 0o777).toBe(0o600);
    const [metastore] = metastores();
    expect(metastore?.command).not.toContain(secret);
    expect(metastore?.environment).not.toContain(secret);
    expect(server.log() + readFileSync(join(folder, 'metastore.log'), 'utf8')).not.toContain(secret);
  });

  it('ends with a server that is killed; the next one has its tables, also those that earlier ones made', async () => {
    const [metastore] = metastores();
    const port = readFileSync(join(server.home, 'catalog', 'port'), 'utf8');
    await server.stop('SIGKILL');
    server = await startTestServer({ catalog: 'on' }, server.home);
    const session = await startIdleSession(server);
    const code = `spark.sql("CREATE TABLE sales.one_row (number_of_rows INT) USING parquet LOCATION 's3://lake/one_row'")
spark.sql("INSERT INTO sales.one_row VALUES (1)")
spark.createDataFrame([("a", 1), ("a", 2)], ["name", "n"]).groupBy("name").count().write.mode("overwrite") \\
    .option("path", "s3://lake/spark_group_by").saveAsTable("sales.spark_group_by")
print([tuple(r) for r in spark.sql("SELECT * FROM sales.one_row").collect()], spark.sql("SELECT * FROM sales.spark_group_by").first()["count"])
print(spark.table("sales.people").count(), spark.table("sales.numbers").count())`;
    expect(await output(session, code)).toBe('[(1,)] 2\n2 3\n');
    expect(metastores()).toHaveLength(1);
    expect(metastores()[0]?.pid).not.toBe(metastore?.pid);
    expect(readFileSync(join(server.home, 'catalog', 'port'), 'utf8')).toBe(port);
  });

  it('ends with a server that is stopped; nothing is left running, and the tables are there at the next start', async () => {
    expect(await server.stop()).toBe(0);
    expect(processesOf(server.home)).toEqual([]);
    server = await startTestServer({ catalog: 'on' }, server.home);
    const session = await startIdleSession(server);
    expect(await output(session, 'print(spark.table("sales.one_row").first().number_of_rows)')).toBe('1\n');
  });
});

/** Local addresses of sockets that listen on a port, in the kernel's form: hexadecimal, IPv4 and IPv4 within IPv6 alike. */
function listeners(port: number): string[] {
  const LISTEN = '0A';
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => local?.endsWith(suffix) && state === LISTEN)
      .map(([, local]) => (local as string).slice(0, -suffix.length).replace('0000000000000000FFFF0000', '')),
  );
}
