import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, startIdleSession } from '../support/calculations.ts';
import { newHome, startTestServer, type TestServer, until } from '../support/server.ts';
import { metastoresOf } from './processes.ts';
import { type PostgresServer, postgresPrograms, startPostgres } from './postgres-server.ts';

/** What a URL and XML each have to escape. */
const PASSWORD = 'a/b@c:<&>%"$' + '{x}';
const READY_TIMEOUT_MILLIS = 120_000;

const programs = postgresPrograms();
const title = `a catalog in PostgreSQL${programs ? '' : ' (not run: PostgreSQL is not installed; apt-get install postgresql)'}`;

describe.skipIf(programs === undefined)(title, () => {
  let postgres: PostgresServer;
  let server: TestServer;
  const home = newHome();

  beforeAll(async () => {
    postgres = await startPostgres(programs as string, PASSWORD);
    const catalogUrl = `postgresql://postgres:${encodeURIComponent(PASSWORD)}@127.0.0.1:${postgres.port}/postgres?sslmode=disable`;
    writeFileSync(join(home, 'settings.json'), JSON.stringify({ catalogUrl }), { mode: 0o600 });
    server = await startTestServer({ catalog: 'on' }, home);
  });
  afterAll(async () => {
    await server?.remove();
    await postgres?.remove();
  });

  it('holds databases, tables and partitions, also after PostgreSQL was restarted', async () => {
    const session = await startIdleSession(server);
    const make = await run(
      server,
      session,
      `spark.sql("CREATE DATABASE sales COMMENT 'Größe'")
spark.range(6).selectExpr("id", "id % 2 AS half").write.partitionBy("half").saveAsTable("sales.numbers")
spark.sql("CREATE TABLE sales.lines (line STRING) STORED AS TEXTFILE")
spark.sql("INSERT INTO sales.lines VALUES ('a')")`,
    );
    expect(make.stderr).toBe('');
    await postgres.stop();
    await postgres.start();
    const read = await run(
      server,
      session,
      `print(spark.sql("SELECT count(*) FROM sales.numbers WHERE half = 1").first()[0], spark.table("sales.lines").first().line)
spark.sql("DROP TABLE sales.lines")
print([r.tableName for r in spark.sql("SHOW TABLES IN sales").collect()])`,
    );
    expect(read.stderr).toBe('');
    expect(read.stdout).toBe("3 a\n['numbers']\n");
  });

  it('is the truth: a server with another home, and nothing in it, finds its tables', async () => {
    const url = JSON.parse(readFileSync(join(home, 'settings.json'), 'utf8')).catalogUrl;
    const otherHome = newHome();
    writeFileSync(join(otherHome, 'settings.json'), JSON.stringify({ catalogUrl: url }), { mode: 0o600 });
    await server.stop();
    const other = await startTestServer({ catalog: 'on' }, otherHome);
    const session = await startIdleSession(other);
    const code = 'print([r.tableName for r in spark.sql("SHOW TABLES IN sales").collect()])';
    expect((await run(other, session, code)).stdout).toBe("['numbers']\n");
    await other.remove();
  });

  it('leaves its password in a private file alone', async () => {
    server = await startTestServer({ catalog: 'on' }, home);
    await until(() => server.log().includes('The metastore is ready'), READY_TIMEOUT_MILLIS);
    const logs = ['metastore.log', 'metastore.err'].map((name) => readFileSync(join(home, 'catalog', name), 'utf8'));
    const seen = metastoresOf(home).flatMap(({ command, environment }) => [command, environment]);
    expect(seen).toHaveLength(2);
    for (const text of [server.log(), ...logs, ...seen]) {
      for (const form of [PASSWORD, encodeURIComponent(PASSWORD)]) expect(text).not.toContain(form);
    }
    expect(statSync(join(home, 'catalog', 'conf', 'hive-site.xml')).mode & 0o777).toBe(0o600);
  });
});
