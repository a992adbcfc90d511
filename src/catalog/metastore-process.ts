import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesWith, setNiceness, signal } from '../drivers/processes.ts';

/** In the metastore's environment: by it, and by nothing else, one that was left behind is known. */
const FOLDER_VARIABLE = 'PARTHENON_CATALOG_FOLDER';
const SOURCE = join(import.meta.dirname, 'Metastore.java');
const LOG_SETTINGS = join(import.meta.dirname, 'log4j2.properties');
/** Those of the pinned jars that a metastore needs; table formats would only cost it memory. */
const JARS = /^(hadoop-aws|aws-java-sdk|jmespath-java|ion-java|jackson-dataformat-cbor|postgresql)-.*\.jar$/;
const START_NICENESS = 10;
const POLL_MILLIS = 20;
const REASON_LINES = 3;

export interface MetastorePaths {
  readonly java: string;
  /** PySpark's folder. */
  readonly sparkHome: string;
  /** The folder of the pinned jars. */
  readonly jars: string;
  /** Absolute; holds the site files in `conf/`, the log and temporary files. */
  readonly folder: string;
}

/** One run of the metastore. */
export interface MetastoreProcess {
  readonly pid: number;
  /** Resolves once clients are served; never, if it ends before. */
  readonly ready: Promise<void>;
  /** Resolves, when the process has gone, with why, in one line; never rejects. */
  readonly ended: Promise<string>;
  /** Writes a copy of Derby's database into a folder, where it gets the name that it has. @throws Error with Derby's words */
  copyDerby(folder: string): Promise<void>;
  /** Asks it to end, which takes it a moment. */
  end(): void;
  kill(): void;
}

/**
 * Starts the metastore beside this process: it ends when this process does, however that goes, since it watches its standard
 * input. A process group of its own keeps the terminal's Ctrl-C from ending it before the sessions.
 */
export async function startMetastore(paths: MetastorePaths): Promise<MetastoreProcess> {
  const errors = join(paths.folder, 'metastore.err');
  const log = openSync(errors, 'w', 0o600);
  const child = spawn(paths.java, javaArguments(paths), {
    cwd: paths.folder,
    detached: true,
    env: { [FOLDER_VARIABLE]: paths.folder, PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', AWS_EC2_METADATA_DISABLED: 'true' },
    stdio: ['pipe', 'pipe', log],
  });
  closeSync(log);
  await once(child, 'spawn');
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const pid = child.pid as number;
  const { stdin, stdout } = child as ChildProcessByStdio<Writable, Readable, null>;
  const lines = createInterface({ input: stdout });
  stdin.on('error', () => undefined); // it has gone before it could be asked to
  // What sessions are waiting for has the cores until it is wanted itself.
  setNiceness([pid], START_NICENESS);
  return {
    pid,
    ready: lineMatching(lines, /^ready$/).then(() => setNiceness([pid], 0)),
    ended: exited.then(([code, name]) => `${name ? `signal ${name}` : `exit code ${code}`}${lastWords(errors)}`),
    copyDerby: async (folder) => {
      const answer = Promise.race([
        lineMatching(lines, /^(not )?copied/),
        exited.then(() => 'not copied: the metastore ended'),
      ]);
      stdin.write(`${folder}\n`);
      if ((await answer) !== 'copied') throw new Error(`The catalog could not be copied: ${await answer}`);
    },
    end: () => void stdin.end(),
    kill: () => void child.kill('SIGKILL'),
  };
}

/** Ends metastores of an earlier server on this folder, and waits until they have gone: Derby serves one process. */
export async function endLeftMetastores(folder: string): Promise<number> {
  const left = processesWith(FOLDER_VARIABLE, folder);
  for (let pids = left; pids.length > 0; pids = processesWith(FOLDER_VARIABLE, folder)) {
    for (const pid of pids) signal(pid, 'SIGKILL');
    await sleep(POLL_MILLIS);
  }
  return left.length;
}

function javaArguments({ sparkHome, jars, folder }: MetastorePaths): string[] {
  const classPath = [
    join(folder, 'conf'),
    join(sparkHome, 'jars', '*'),
    ...readdirSync(jars)
      .filter((name) => JARS.test(name))
      .map((name) => join(jars, name)),
  ];
  return [
    '-Xmx256m',
    '-XX:+UseSerialGC',
    // It works in short calls, hours apart: the second compiler would cost more than it brings.
    '-XX:TieredStopAtLevel=1',
    '-XX:+ExitOnOutOfMemoryError',
    '-XX:-UsePerfData',
    `-Djava.io.tmpdir=${join(folder, 'tmp')}`,
    `-Dderby.stream.error.file=${join(folder, 'derby.log')}`,
    `-Dlog4j2.configurationFile=${LOG_SETTINGS}`,
    `-Dparthenon.folder=${folder}`,
    '-cp',
    classPath.join(':'),
    'org.codehaus.janino.SimpleCompiler',
    SOURCE,
    'Metastore',
  ];
}

/** The first line from now on that matches; other lines are nobody's. */
function lineMatching(lines: Interface, pattern: RegExp): Promise<string> {
  return new Promise((resolve) => {
    const look = (line: string) => {
      if (!pattern.test(line)) return;
      lines.off('line', look);
      resolve(line);
    };
    lines.on('line', look);
  });
}

/** The messages of the exceptions that ended it, without their frames. */
function lastWords(file: string): string {
  const lines = readFileSync(file, 'utf8').split('\n');
  const told = lines.filter((line) => line.trim() !== '' && !/^\s+(at |\.\.\. )/.test(line)).slice(-REASON_LINES);
  return told.length > 0 ? `: ${told.join(' | ')}` : '';
}
