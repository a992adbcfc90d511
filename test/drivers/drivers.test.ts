import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type DriverIdentity, SessionStartFailed } from '../../src/drivers/driver.ts';
import { startTicks } from '../../src/drivers/processes.ts';
import { jvmOf, makeAssignment, makeDrivers, processesOf, run, SESSION_ID, until } from './driver-fixture.ts';
import { allOutside, outside, WHO_AM_I } from '../support/processes.ts';

describe('start', () => {
  test('tells who the driver is before the session reaches it', async () => {
    await using fixture = makeDrivers();
    let claimed: DriverIdentity | undefined;
    const driver = await fixture.drivers.start(makeAssignment(), async (identity) => {
      claimed = identity;
      expect(startTicks(identity.pid)).toBe(identity.startTicks);
      expect(existsSync(join(identity.folder, 'aws'))).toBe(false);
    });
    expect(driver.identity).toEqual(claimed);
  });

  test('leaves nothing when the claim could not be kept', async () => {
    await using fixture = makeDrivers();
    let claimed: DriverIdentity | undefined;
    const started = fixture.drivers.start(makeAssignment(), async (identity) => {
      claimed = identity;
      throw new Error('the row is gone');
    });
    await expect(started).rejects.toThrow('the row is gone');
    expect(processesOf(claimed as DriverIdentity)).toEqual([]);
    expect(readdirSync(fixture.folder)).toEqual([]);
  });

  test.each([
    [{ 'spark.executor.memory': 'much' }, /Size must be specified as bytes.*much/],
    [{ 'spark.driver.memory': '100m' }, /System memory \d+ must be at least/],
    [{ 'spark.driver.memory': '10m' }, /^The Spark driver JVM ended with exit code 3 \(out of memory\)$/],
    [{ 'spark.driver.memory': 'much' }, /much/],
    [{ 'spark.driver.extraJavaOptions': '-XX:MaxMetaspaceSize=much' }, /MaxMetaspaceSize=much/],
    [{ 'spark.serializer': 'org.example.Nothing' }, /org\.example\.Nothing/],
  ])('%j: the reason is one sentence, of Spark or Java, and nothing is left', async (sparkProperties, reason) => {
    await using fixture = makeDrivers();
    const started = fixture.drivers.start(makeAssignment({ sparkProperties }), async () => undefined);
    const error = await started.then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(SessionStartFailed);
    expect(error.message).toMatch(reason);
    expect(error.message).not.toMatch(/\n|\tat |Traceback/);
    expect(readdirSync(fixture.folder)).toEqual([]);
  });

  test('gives properties that only a new JVM can take to a new JVM, beside all others', async () => {
    await using fixture = makeDrivers();
    const sparkProperties = {
      'spark.driver.memory': '700m',
      'spark.driver.extraJavaOptions': '-Dexample.first="a b" -Dexample.second=é',
      'spark.sql.shuffle.partitions': '3',
      'spark.example.odd': 'back\\slash = colon: # "quoted" é\ttab',
    };
    const driver = await fixture.drivers.start(makeAssignment({ sparkProperties }), async () => undefined);
    const { stdout } = await run(
      driver,
      `java = sc._jvm.java.lang
print(java.Runtime.getRuntime().maxMemory() // 2**20, java.System.getProperty("example.first"))
print(spark.conf.get("spark.sql.shuffle.partitions"), spark.conf.get("spark.example.odd"), sep="|")`,
    );
    expect(stdout).toBe(`700 a b\n3|${sparkProperties['spark.example.odd']}\n`);
    expect(readdirSync(driver.identity.folder)).not.toContain('spark.properties');
    await driver.stop();
  });
});

describe('the end of a driver', () => {
  test('stop leaves no process and no file, whatever user code started', async () => {
    await using fixture = makeDrivers();
    const driver = await fixture.drivers.start(makeAssignment(), async () => undefined);
    await run(
      driver,
      `import subprocess, sys
subprocess.Popen(["setsid", "sleep", "600"])
subprocess.Popen("trap '' TERM INT HUP; sleep 600", shell=True, start_new_session=True)
sc.parallelize([1], 1).map(lambda n: n).count()`,
    );
    expect(processesOf(driver.identity).length).toBeGreaterThan(4);
    const running = driver.run('endless', 'while True: pass');
    running.catch(() => undefined);
    await Promise.all([driver.stop(), driver.stop()]);
    await expect(running).rejects.toMatchObject({ name: 'DriverDied' });
    expect(processesOf(driver.identity)).toEqual([]);
    expect(readdirSync(fixture.folder)).toEqual([]);
    expect((await driver.exited).expected).toBe(true);
  });

  test.each([
    ['in order', 'print("idle")', undefined],
    ['by force', 'import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass', 'stubborn'],
    [
      'when it has become another program',
      'import os\nos.execve("/bin/sh", ["sh", "-c", "trap : TERM; read _ <>pipe"], {})',
      undefined,
    ],
  ])('%s takes with it what has no mark, no group and no parent any more', async (_how, code, interrupted) => {
    await using fixture = makeDrivers({ interruptGraceMs: 500 });
    const driver = await fixture.drivers.start(makeAssignment(), async () => undefined);
    const escaped = join(driver.identity.folder, 'work', 'escaped');
    await run(
      driver,
      `import os, subprocess
os.mkfifo("pipe")
subprocess.run(["env", "-i", "sh", "-c", "setsid sh -c 'echo $$ >escaped; read _ <>pipe' >/dev/null 2>&1 &"], start_new_session=True)`,
    );
    await until(() => existsSync(escaped) && readFileSync(escaped, 'utf8') !== '');
    const pid = outside(driver.identity.driverId, Number(readFileSync(escaped, 'utf8')));
    expect(processesOf(driver.identity)).not.toContain(pid);
    expect(startTicks(pid)).toBeDefined();
    const [python = 0] = allOutside((await run(driver, WHO_AM_I)).stdout);
    const last = driver.run('last', code).catch(() => undefined);
    if (interrupted !== undefined) {
      await until(() => existsSync(join(driver.identity.folder, 'spool', 'last.open')));
      await driver.interrupt('last');
      await driver.exited;
    } else if (code.includes('execve')) {
      await until(() => readFileSync(`/proc/${python}/comm`, 'utf8') === 'sh\n');
    }
    await driver.stop();
    await last;
    expect(startTicks(pid)).toBeUndefined();
    expect(startTicks(driver.identity.pid)).toBeUndefined();
    expect(readdirSync(fixture.folder)).toEqual([]);
  });

  test('a driver that is killed ends its calculation and leaves no process', async () => {
    await using fixture = makeDrivers();
    const driver = await fixture.drivers.start(makeAssignment(), async () => undefined);
    const code =
      'import subprocess, sys\nprint("partial")\nprint("e", file=sys.stderr)\nsubprocess.run(["sleep", "600"])';
    const running = driver.run('killed', code);
    running.catch(() => undefined);
    const spool = join(driver.identity.folder, 'spool');
    await until(
      () => existsSync(join(spool, 'killed.open', 'stderr')) && statSync(join(spool, 'killed.open', 'stderr')).size > 0,
    );
    process.kill(driver.identity.pid, 'SIGKILL');
    const spoolFolder = join(spool, 'killed');
    await expect(running).rejects.toMatchObject({ name: 'DriverDied', message: /was ended by SIGKILL/, spoolFolder });
    const left = ['stdout', 'stderr', 'result.json'].map((name) => readFileSync(join(spoolFolder, name), 'utf8'));
    expect([...left.slice(0, 2), JSON.parse(left[2] as string)]).toEqual([
      'partial\n',
      'e\n',
      { version: 1, outputs: [] },
    ]);
    expect(await driver.exited).toMatchObject({ expected: false, reason: /^The Spark driver was ended by SIGKILL/ });
    expect(processesOf(driver.identity)).toEqual([]);
    await expect(driver.run('after', '1')).rejects.toMatchObject({ name: 'DriverDied' });
    await driver.stop();
    expect(readdirSync(fixture.folder)).toEqual([]);
  });

  test('a driver whose JVM is killed ends at once, and says so', async () => {
    await using fixture = makeDrivers();
    const driver = await fixture.drivers.start(makeAssignment(), async () => undefined);
    const running = driver.run('killed', 'import time\ntime.sleep(600)');
    running.catch(() => undefined);
    process.kill(jvmOf(driver.identity), 'SIGKILL');
    await expect(running).rejects.toMatchObject({ message: /^The Spark driver JVM was ended by signal 9/ });
    expect((await driver.exited).expected).toBe(false);
    await driver.stop();
  });

  test('a JVM out of memory ends the driver, and says so', async () => {
    await using fixture = makeDrivers();
    const driver = await fixture.drivers.start(makeAssignment(), async () => undefined);
    const running = driver.run('memory', 'kept = [sc._jvm.java.nio.ByteBuffer.allocate(2**27) for _ in range(64)]');
    await expect(running).rejects.toMatchObject({
      message: /^The Spark driver JVM ended with exit code 3 \(out of memory\)/,
    });
    await driver.stop();
  });

  test('a calculation that does not stop takes its driver with it', async () => {
    await using fixture = makeDrivers({ interruptGraceMs: 1_500 });
    const driver = await fixture.drivers.start(makeAssignment(), async () => undefined);
    const running = driver.run(
      'stubborn',
      'import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nopen("begun", "w")\nwhile True: pass',
    );
    running.catch(() => undefined);
    await until(() => existsSync(join(driver.identity.folder, 'work', 'begun')));
    await driver.interrupt('stubborn');
    await expect(running).rejects.toMatchObject({
      name: 'DriverDied',
      message: 'The calculation did not stop within 1.5 s, so its driver was ended',
    });
    await driver.stop();
  });
});

describe('drivers of an earlier server', () => {
  test('outlive it, and are reaped or kept as they are owned', async () => {
    await using earlier = makeDrivers();
    const owned = await earlier.drivers.start(makeAssignment(), async () => undefined);
    const orphan = await earlier.drivers.start(makeAssignment(), async () => undefined);
    await earlier.drivers.close();

    const later = makeDrivers({ folder: earlier.folder });
    const stranger = join(earlier.folder, 'not-a-driver');
    mkdirSync(stranger);
    writeFileSync(join(stranger, 'file'), '');
    await later.drivers.sweepOrphans([owned.identity]);
    expect(processesOf(orphan.identity)).toEqual([]);
    expect(processesOf(owned.identity)).not.toEqual([]);
    expect(readdirSync(earlier.folder).sort()).toEqual([owned.identity.driverId, 'not-a-driver'].sort());

    await later.drivers.reap(owned.identity, SESSION_ID);
    expect(processesOf(owned.identity)).toEqual([]);
    expect(readdirSync(earlier.folder)).toEqual(['not-a-driver']);
    await later.drivers.close();
  });

  test('are swept while the pool of the new one is being filled, which is left alone', async () => {
    await using fixture = makeDrivers({ poolSize: 1 });
    const orphan = join(fixture.folder, '11111111-0000-4000-8000-000000000000');
    mkdirSync(orphan);
    for (let round = 0; round < 20; round++) {
      await fixture.drivers.sweepOrphans([]);
      await sleep(5);
    }
    expect(existsSync(orphan)).toBe(false);
    const driver = await fixture.drivers.start(makeAssignment(), async () => undefined);
    expect((await run(driver, '2 + 2')).stdout).toBe('4\n');
  });

  test('a process that only has got the same id is left alone', async () => {
    await using fixture = makeDrivers();
    const folder = join(fixture.folder, '00000000-0000-4000-8000-000000000000');
    mkdirSync(folder);
    const identity = {
      driverId: '00000000-0000-4000-8000-000000000000',
      pid: process.pid,
      startTicks: startTicks(process.pid) as string,
      folder,
      sockets: join(folder, 'k'),
    };
    await fixture.drivers.reap(identity, SESSION_ID);
    expect(startTicks(process.pid)).toBeDefined();
    expect(existsSync(folder)).toBe(false);
  });
});
