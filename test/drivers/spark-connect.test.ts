import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Driver, SparkConnectFailed } from '../../src/drivers/driver.ts';
import { type DriversFixture, nextCalculationId, run, startDriver } from './driver-fixture.ts';

const PLUGIN = 'org.apache.spark.sql.connect.SparkConnectPlugin';
let fixture: DriversFixture & { driver: Driver };
let driver: Driver;

beforeAll(async () => {
  fixture = await startDriver({}, { sparkProperties: { 'spark.plugins': PLUGIN } });
  driver = fixture.driver;
});
afterAll(async () => await fixture?.[Symbol.asyncDispose]());

test('Spark Connect runs once it is asked for, by whatever properties, and stays as it is', async () => {
  const running = 'print(get_ipython().kernel._questions._spark_connect._address is not None)';
  expect((await run(driver, running)).stdout).toBe('False\n');
  const [first, second] = await Promise.all([driver.sparkConnect(), driver.sparkConnect()]);
  expect(first).toEqual(second);
  expect(first.secret.length).toBeGreaterThanOrEqual(43);
  expect(await driver.sparkConnect()).toEqual(first);
  expect((await run(driver, running)).stdout).toBe('True\n');
});

test('it is to be had while a calculation runs', async () => {
  const calculationId = nextCalculationId();
  const calculation = driver.run(calculationId, 'import time\nwhile True: time.sleep(0.05)');
  expect((await driver.sparkConnect()).port).toBeGreaterThan(0);
  await driver.interrupt(calculationId);
  expect((await calculation).status).toBe('interrupted');
});

test('a session works while a streaming query runs in it, or a job of a thread of its own', async () => {
  expect(await driver.working()).toBe(false);
  await run(driver, 'query = spark.readStream.format("rate").load().writeStream.format("noop").start()');
  expect(await driver.working()).toBe(true);
  await run(driver, 'query.stop()');
  expect(await driver.working()).toBe(false);
  const job = `import threading
job = lambda: sc.parallelize(range(2), 2).foreach(lambda _: __import__("time").sleep(60))
threading.Thread(target=job, daemon=True).start()
while not sc.statusTracker().getActiveJobsIds(): pass`;
  await run(driver, job);
  expect(await driver.working()).toBe(true);
  await run(driver, 'sc.cancelAllJobs()\nwhile sc.statusTracker().getActiveJobsIds(): pass');
  expect(await driver.working()).toBe(false);
});

test('it is not to be had where the session’s code has stopped Spark', async () => {
  await run(driver, 'spark.stop()');
  const call = driver.sparkConnect();
  await expect(call).rejects.toThrow(SparkConnectFailed);
  await expect(call).rejects.toThrow('its code has stopped it');
  expect(await driver.working()).toBe(false);
});
