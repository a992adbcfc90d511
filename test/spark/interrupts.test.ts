import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Driver } from '../../src/drivers/driver.ts';
import { nextCalculationId, processesOf, readRan, run, startDriver } from '../drivers/driver-fixture.ts';

let fixture: Awaited<ReturnType<typeof startDriver>>;
let driver: Driver;

beforeAll(async () => {
  fixture = await startDriver();
  driver = fixture.driver;
  await run(driver, 'spark.range(10).count(); sc.parallelize([1], 1).map(lambda n: n).count()');
});
afterAll(() => fixture?.[Symbol.asyncDispose]());

/** Interrupts code a second after it was sent, and gives what it left. */
async function interrupted(code: string) {
  const id = nextCalculationId();
  const running = driver.run(id, code);
  await sleep(1_000);
  await driver.interrupt(id);
  return readRan(await running);
}

describe('interrupt', () => {
  test.each([
    ['a loop', 'while True: pass'],
    ['a sleep', 'import time\ntime.sleep(600)'],
    ['code that awaits', 'import asyncio\nawait asyncio.sleep(600)'],
    ['a Spark job', 'spark.range(10**13).selectExpr("sum(id * id)").collect()'],
    ['Python workers', 'import time\nsc.parallelize(range(4), 4).map(lambda n: time.sleep(600)).collect()'],
    ['a call of the JVM that is no job', 'sc._jvm.Thread.sleep(600000)'],
    ['a shell command', '!sleep 600'],
    ['a subprocess', 'import subprocess\nsubprocess.run(["sleep", "600"])'],
    ['a subprocess by the C library', 'import os\nos.system("sleep 600")'],
    [
      'code that catches everything once',
      'import time\ntry:\n    time.sleep(600)\nexcept BaseException: pass\ntime.sleep(600)',
    ],
  ])('ends %s, and the session goes on', async (_, code) => {
    const { outcome } = await interrupted(code);
    expect(outcome.status).toBe('interrupted');
    const next = await run(driver, 'x = spark.range(7).count()\nprint(x)');
    expect(next).toMatchObject({ outcome: { status: 'ok' }, stdout: '7\n', stderr: '' });
  });

  test('leaves no subprocess behind', async () => {
    await interrupted('!sleep 4711');
    const { stdout } = await run(driver, '!ps -eo args | grep "[s]leep 4711" | wc -l');
    expect(stdout.trim()).toBe('0');
    expect(processesOf(driver.identity).length).toBeGreaterThan(0);
  });

  test('of a calculation that has ended does not touch the one that runs', async () => {
    const { outcome } = await run(driver, 'pass');
    const running = run(driver, 'import time\nfor _ in range(10): time.sleep(0.1)\nprint("whole")');
    await driver.interrupt(outcome.calculationId);
    expect(await running).toMatchObject({ outcome: { status: 'ok' }, stdout: 'whole\n' });
  });

  test('that comes before the calculation has begun still ends it', async () => {
    const id = nextCalculationId();
    const running = driver.run(id, 'import time\ntime.sleep(600)');
    await driver.interrupt(id);
    expect((await running).status).toBe('interrupted');
  });

  test('again and again, with results in between, never strikes the wrong one', async () => {
    for (let round = 0; round < 20; round++) {
      const id = nextCalculationId();
      const running = driver.run(id, 'for _ in range(2000): spark.version');
      await sleep(round * 3);
      await driver.interrupt(id);
      await running;
      expect((await run(driver, 'print(sc.version)')).stdout).toBe('3.5.7\n');
    }
  });
});
