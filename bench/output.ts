import { run } from '../test/support/calculations.ts';
import type { TestServer } from '../test/support/server.ts';
import { memoryOfServer } from './memory.ts';
import type { Figure } from './report.ts';
import { end, startUntilIdle } from './starts.ts';

/** What large outputs cost: time to COMPLETED with all of it in S3, and memory of the server before and at its highest. */
export async function measureOutput(server: TestServer, megabytes: number): Promise<Figure[]> {
  const sessionId = await startUntilIdle(server, {});
  const lines = megabytes * 10_000;
  const before = memoryOfServer(server, 'VmRSS');
  const codes = {
    [`${megabytes} MB of stdout in one piece`]: `print("x" * ${megabytes * 1_000_000})`,
    [`${lines} lines`]: `for number in range(${lines}): print(number)`,
    [`a result of ${megabytes / 2} MB`]: `"x" * ${megabytes * 500_000}`,
  };
  const figures: Figure[] = [];
  for (const [name, code] of Object.entries(codes)) {
    const start = performance.now();
    const { Status } = await run(server, sessionId, code);
    if (Status?.State !== 'COMPLETED') throw new Error(`${name}: ${Status?.State}, ${Status?.StateChangeReason}`);
    figures.push({ name: `calculation with ${name}`, unit: 's', samples: [(performance.now() - start) / 1000] });
  }
  await end(server, sessionId);
  const baseline = { name: 'before', median: before };
  return [
    ...figures,
    { name: 'server: highest memory after those', unit: 'MB', samples: [memoryOfServer(server, 'VmHWM')], baseline },
  ];
}
