import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { SparkUiAddress } from '../../../drivers/driver.ts';
import { endLeftJava, lineMatching, startJava } from '../../../java/java-process.ts';

const FOLDER_VARIABLE = 'PARTHENON_HISTORY_FOLDER';
const SOURCE = join(import.meta.dirname, 'History.java');

export interface HistoryPaths {
  readonly java: string;
  /** PySpark's folder. */
  readonly sparkHome: string;
  /** The folder of the jars made of the project's own Java. */
  readonly ownJars: string;
  /** Absolute; it shows the event logs in `logs/`, and keeps what it makes of them in `store/`. */
  readonly folder: string;
  /** Of its heap. */
  readonly memoryMebibytes: number;
}

/** One run of Spark's History Server. */
export interface HistoryProcess {
  readonly pid: number;
  readonly address: SparkUiAddress;
  /** Resolves, when the process has gone, with why, in one line; never rejects. */
  readonly ended: Promise<string>;
  /** Has it read a log that is new in its folder. @returns whether it can be shown */
  show(applicationId: string): Promise<boolean>;
  end(): void;
  kill(): void;
}

/** Starts it beside this process, on the loopback interface; what an earlier server left is ended. @throws Error with its last words */
export async function startHistory(paths: HistoryPaths): Promise<HistoryProcess> {
  const { java, sparkHome, ownJars, folder, memoryMebibytes } = paths;
  await endLeftJava(FOLDER_VARIABLE, folder);
  const { pid, lines, stdin, ended, end, kill } = await startJava({
    java,
    name: 'history',
    source: SOURCE,
    classPath: [join(sparkHome, 'jars', '*'), join(ownJars, 'parthenon-ui.jar')],
    options: [`-Xmx${memoryMebibytes}m`],
    folder,
    mark: FOLDER_VARIABLE,
    environment: { SPARK_LOCAL_IP: '127.0.0.1' },
  });
  const [secret, proof] = [randomBytes(32), randomBytes(32)].map((bytes) => bytes.toString('base64url'));
  const gone = ended.then((reason) => {
    throw new Error(`Spark's History Server ended: ${reason}`);
  });
  gone.catch(() => undefined);
  const listening = lineMatching(lines, /^listening \d+$/);
  stdin.write(`${secret}\n${proof}\n`);
  const port = Number((await Promise.race([listening, gone])).split(' ')[1]);
  return {
    pid,
    address: { port, secret: secret as string, proof: proof as string },
    ended,
    show: async (applicationId) => {
      const answer = lineMatching(lines, new RegExp(`^(un)?known ${applicationId}$`));
      stdin.write(`${applicationId}\n`);
      return (await Promise.race([answer, gone])).startsWith('known');
    },
    end,
    kill,
  };
}
