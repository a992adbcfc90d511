import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { DriverIdentity } from '../../src/drivers/driver.ts';
import { locateRuntime } from '../../src/runtime/runtime.ts';
import { jvmOf, makeAssignment, makeDrivers, processesOf, run, SESSION_ID, until } from './driver-fixture.ts';

describe('a driver from the pool', () => {
  test('takes static properties in its warm JVM, is used once, and is made up for', async () => {
    await using fixture = makeDrivers({ poolSize: 1 });
    await until(() => readdirSync(fixture.folder).length === 1);
    const [pooled] = readdirSync(fixture.folder);
    // Python and Java: it is launched, and not yet warm.
    await until(() => processesOf({ driverId: pooled } as DriverIdentity).length > 1);
    const sparkProperties = {
      'spark.authenticate': 'true',
      'spark.io.encryption.enabled': 'true',
      'spark.serializer': 'org.apache.spark.serializer.KryoSerializer',
      'spark.app.name': 'mine',
    };
    const driver = await fixture.drivers.start(makeAssignment({ sparkProperties }), async () => undefined);
    expect(driver.identity.driverId).toBe(pooled);
    const code = `print([sc.getConf().get(name) for name in ${JSON.stringify(Object.keys(sparkProperties))}])
print(spark.range(100).repartition(4).count(), spark.catalog.listTables(), sc.master)`;
    expect((await run(driver, code)).stdout).toBe(
      "['true', 'true', 'org.apache.spark.serializer.KryoSerializer', 'mine']\n100 [] local[2]\n",
    );
    await until(() => readdirSync(fixture.folder).length === 2);
    await driver.stop();
    expect(readdirSync(fixture.folder)).not.toContain(pooled);
  });

  test('gives the context that it holds to a session that can take it, and nothing of its own with it', async () => {
    const log: string[] = [];
    await using fixture = makeDrivers({ poolSize: 1, logger: pino({}, { write: (line) => log.push(line) }) });
    await until(() => log.some((line) => line.includes('a pool driver is warm')));
    const startedAt = Date.now();
    const sparkProperties = {
      'spark.sql.shuffle.partitions': '7',
      'spark.sql.warehouse.dir': `file:${fixture.folder}/warehouse`,
      'spark.sql.extensions': 'org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions',
      'spark.hadoop.fs.s3a.threads.max': '9',
    };
    const driver = await fixture.drivers.start(makeAssignment({ sparkProperties }), async () => undefined);
    // Java maps the archive only if it is of this very Java and class path.
    expect(readFileSync(`/proc/${jvmOf(driver.identity)}/maps`, 'utf8')).toContain(locateRuntime().classData);
    const { stdout } = await run(
      driver,
      `import json
hadoop = sc._jsc.hadoopConfiguration()
print(json.dumps([
    sc.startTime < ${startedAt}, sc.applicationId, sc.appName, sc.master,
    *(spark.conf.get(name) for name in ${JSON.stringify(Object.keys(sparkProperties).slice(0, 3))}),
    hadoop.get("fs.s3a.threads.max"),
    spark._jvm.parthenon.s3.SessionCredentialsProvider(None, hadoop).getCredentials().getAWSAccessKeyId(),
    [table.name for table in spark.catalog.listTables()], spark.range(100).repartition(4).count(),
    spark.sql("SELECT * FROM range(3)").agg({"id": "sum"}).first()[0],
]))`,
    );
    expect(JSON.parse(stdout)).toEqual([
      true,
      SESSION_ID,
      `Athena session ${SESSION_ID}`,
      'local[2]',
      ...Object.values(sparkProperties).slice(0, 3),
      '9',
      'ASIAEXAMPLE',
      [],
      100,
      3,
    ]);
    await driver.stop();
  });

  test('is not handed out once it has died', async () => {
    await using fixture = makeDrivers({ poolSize: 1 });
    await until(() => readdirSync(fixture.folder).length === 1);
    const [dead] = readdirSync(fixture.folder);
    await until(() => processesOf({ driverId: dead } as DriverIdentity).length > 0);
    for (const pid of processesOf({ driverId: dead } as DriverIdentity)) process.kill(pid, 'SIGKILL');
    await until(() => processesOf({ driverId: dead } as DriverIdentity).length === 0);
    await sleep(100);
    const driver = await fixture.drivers.start(makeAssignment(), async () => undefined);
    expect(driver.identity.driverId).not.toBe(dead);
    expect((await run(driver, '1 + 1')).stdout).toBe('2\n');
    await driver.stop();
  });
});
