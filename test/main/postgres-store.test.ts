import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  CreateWorkGroupCommand,
  DeleteWorkGroupCommand,
  GetWorkGroupCommand,
  ListSessionsCommand,
  ListTagsForResourceCommand,
  ListWorkGroupsCommand,
  paginateListSessions,
  StartSessionCommand,
  TagResourceCommand,
  TerminateSessionCommand,
  UntagResourceCommand,
  UpdateWorkGroupCommand,
} from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dialects, openPostgresDatabases, type PostgresDatabases } from '../store/databases.ts';
import {
  run,
  sessionState,
  startCalculation,
  startIdleSession,
  waitForCalculation,
  waitForSession,
} from '../support/calculations.ts';
import { scrape } from '../support/exposition.ts';
import { newHome, startTestServer, type TestServer, until } from '../support/server.ts';

const { title, skip } = dialects[1];
const BACK_MILLIS = 60_000;
const spark = { EngineVersion: { SelectedEngineVersion: 'PySpark engine version 3' } };
/** A session that fails before it has a driver. */
const refused = { SparkProperties: { 'spark.master': 'refused' } };

/** A server whose home says where its state is, as one should. */
async function startOn(databaseUrl: string, home = newHome()): Promise<TestServer> {
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ databaseUrl }), { mode: 0o600 });
  return await startTestServer({}, home);
}

/** Passes everything on to PostgreSQL; on demand the answer to the next commit of an insert is lost, and its connection. */
async function startLosingRelay(port: number) {
  const sockets = new Set<Socket>();
  let losing = false;
  const server = createServer((inward) => {
    const outward = connect(port, '127.0.0.1');
    let inserted = false;
    for (const socket of [inward, outward]) {
      sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    }
    inward.on('close', () => outward.end());
    outward.on('close', () => inward.destroy());
    outward.on('data', (answer) => inward.write(answer));
    inward.on('data', (question) => {
      inserted ||= losing && question.includes('insert into "sessions"');
      if (inserted && question.includes('commit')) {
        losing = false;
        outward.removeAllListeners('data').on('data', () => inward.destroy());
      }
      outward.write(question);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    loseNextInsert: () => {
      losing = true;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe.skipIf(skip)(`a server with its state ${title}`, () => {
  let databases: PostgresDatabases;
  let url: string;
  let server: TestServer;

  beforeAll(async () => {
    databases = await openPostgresDatabases();
    url = await databases.newUrl();
    server = await startOn(url);
  });
  afterAll(async () => {
    await server?.remove();
    await databases?.remove();
  });

  const startRefused = async (WorkGroup: string) => {
    const { SessionId } = await server.athena.send(
      new StartSessionCommand({ WorkGroup, EngineConfiguration: refused }),
    );
    return SessionId as string;
  };

  it('keeps workgroups and tags', async () => {
    const { athena } = server;
    const ResourceARN = 'arn:aws:athena:us-east-1:123456789012:workgroup/team';
    const Tags = [{ Key: 'team', Value: 'Größe' }];
    await athena.send(new CreateWorkGroupCommand({ Name: 'team', Configuration: spark, Tags }));
    await expect(athena.send(new CreateWorkGroupCommand({ Name: 'team', Configuration: spark }))).rejects.toMatchObject(
      {
        name: 'InvalidRequestException',
      },
    );
    await athena.send(
      new TagResourceCommand({
        ResourceARN,
        Tags: [
          { Key: 'Zoo', Value: '' },
          { Key: 'team', Value: 'new' },
        ],
      }),
    );
    const tagsOf = async () => (await athena.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags;
    expect(await tagsOf()).toEqual([
      { Key: 'Zoo', Value: '' },
      { Key: 'team', Value: 'new' },
    ]);
    await athena.send(new UntagResourceCommand({ ResourceARN, TagKeys: ['Zoo'] }));
    expect(await tagsOf()).toEqual([{ Key: 'team', Value: 'new' }]);
    await athena.send(new UpdateWorkGroupCommand({ WorkGroup: 'team', Description: 'a\0b', State: 'DISABLED' }));
    const { WorkGroup } = await athena.send(new GetWorkGroupCommand({ WorkGroup: 'team' }));
    expect(WorkGroup).toMatchObject({ State: 'DISABLED', Description: 'a\uFFFDb' });
    const { WorkGroups } = await athena.send(new ListWorkGroupsCommand({}));
    expect(WorkGroups?.map(({ Name }) => Name)).toEqual(['primary', 'team']);
    await athena.send(new DeleteWorkGroupCommand({ WorkGroup: 'team' }));
    await expect(athena.send(new GetWorkGroupCommand({ WorkGroup: 'team' }))).rejects.toMatchObject({
      name: 'InvalidRequestException',
    });
  });

  it('lists sessions page by page, newest first', async () => {
    const started: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      started.unshift(await startRefused('primary'));
      await waitForSession(server, started[0] as string, ['FAILED']);
    }
    const pages = paginateListSessions(
      { client: server.athena, pageSize: 2 },
      { WorkGroup: 'primary', StateFilter: 'FAILED' },
    );
    const seen: (string | undefined)[] = [];
    for await (const { Sessions = [] } of pages) seen.push(...Sessions.map(({ SessionId }) => SessionId));
    expect(seen).toEqual(started);
  });

  it('sees a calculation through while PostgreSQL is restarted, and answers calls by errors that may be repeated', async () => {
    const session = await startIdleSession(server);
    const calculation = await startCalculation(server, session, 'import time; time.sleep(3); print(6 * 7)');
    await until(async () => (await sessionState(server, session)) === 'BUSY', BACK_MILLIS);
    await databases.server.stop();
    for (const call of [() => sessionState(server, session), () => startRefused('primary')]) {
      await expect(call()).rejects.toMatchObject({
        name: 'InternalServerException',
        $metadata: { httpStatusCode: 500 },
      });
    }
    await until(async () => (await scrape(server)).value('parthenon_store_up') === 0, BACK_MILLIS);
    const away = await scrape(server);
    // Nothing rather than what was.
    expect(away.families.get('parthenon_sessions')?.samples).toEqual([]);
    expect(away.value('parthenon_store_outages_total')).toBe(1);
    // Its code ends while nobody can write that down.
    await until(() => server.log().includes('Background work waits for the state database'), BACK_MILLIS);
    await databases.server.start();
    await until(
      () =>
        sessionState(server, session).then(
          (state) => state === 'IDLE',
          () => false,
        ),
      BACK_MILLIS,
    );
    expect(await waitForCalculation(server, calculation)).toMatchObject({
      Status: { State: 'COMPLETED' },
      stdout: '42\n',
    });
    const back = await scrape(server);
    expect(back.value('parthenon_store_up')).toBe(1);
    expect(back.value('parthenon_sessions', { state: 'IDLE' })).toBe(1);
    expect((await run(server, session, 'print(1)')).stdout).toBe('1\n');
    await server.athena.send(new TerminateSessionCommand({ SessionId: session }));
    await waitForSession(server, session, ['TERMINATED']);
  });

  it('follows up what was written when the answer was lost', async () => {
    const relay = await startLosingRelay(databases.server.port);
    const other = await startOn((await databases.newUrl()).replace(`:${databases.server.port}/`, `:${relay.port}/`));
    relay.loseNextInsert();
    const Description = randomUUID();
    const start = new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: refused, Description });
    await expect(other.athena.send(start)).rejects.toMatchObject({ name: 'InternalServerException' });
    await until(async () => {
      const list = new ListSessionsCommand({ WorkGroup: 'primary', StateFilter: 'FAILED' });
      const { Sessions } = await other.athena.send(list);
      return Sessions?.[0]?.Description === Description;
    }, BACK_MILLIS);
    await other.remove();
    relay.close();
  });

  it('has all of it when it is started again, and tells nobody its password', async () => {
    const list = new ListSessionsCommand({ WorkGroup: 'primary', MaxResults: 100 });
    const before = (await server.athena.send(list)).Sessions;
    await server.stop();
    const again = await startOn(url);
    expect((await again.athena.send(list)).Sessions).toEqual(before);
    await expect(startOn(url)).rejects.toThrow(/Another Parthenon server is using the database test_1 on 127.0.0.1/);
    await again.remove();
    for (const form of [databases.password, encodeURIComponent(databases.password)]) {
      expect(server.log()).not.toContain(form);
      expect(again.log()).not.toContain(form);
    }
  });
});
