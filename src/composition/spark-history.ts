/** What shows the Spark UIs of sessions that have ended. */
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { SparkHistory } from '../endpoints/spark-ui/history/history.ts';
import { locateRuntime } from '../runtime/runtime.ts';
import type { SessionsContext } from '../sessions/context.ts';
import { fetchEventLog } from '../sessions/event-logs.ts';

export function sparkHistoryOf(
  { home, historyIdleMinutes, historyMemory }: Config,
  sessions: SessionsContext,
): SparkHistory {
  const { java, sparkHome, ownJars } = locateRuntime();
  return new SparkHistory({
    java,
    sparkHome,
    ownJars,
    folder: join(home, 'history'),
    memoryMebibytes: historyMemory,
    idleMillis: historyIdleMinutes * 60_000,
    fetchLog: (session, folder) => fetchEventLog(sessions, session, folder),
    logger: sessions.logger,
  });
}
