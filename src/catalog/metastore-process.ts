import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setNiceness } from '../drivers/processes.ts';
import { endLeftJava, lineMatching, startJava } from '../java/java-process.ts';

/** In the metastore's environment: by it, and by nothing else, one that was left behind is known. */
const FOLDER_VARIABLE = 'PARTHENON_CATALOG_FOLDER';
const SOURCE = join(import.meta.dirname, 'Metastore.java');
/** Those of the pinned jars that a metastore needs; table formats would only cost it memory. */
const JARS = /^(hadoop-aws|aws-java-sdk|jmespath-java|ion-java|jackson-dataformat-cbor|postgresql)-.*\.jar$/;
const START_NICENESS = 10;

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

/** Starts the metastore beside this process. */
export async function startMetastore(paths: MetastorePaths): Promise<MetastoreProcess> {
  const { java, folder } = paths;
  const { pid, lines, stdin, ended, end, kill } = await startJava({
    java,
    name: 'metastore',
    source: SOURCE,
    classPath: classPath(paths),
    options: ['-Xmx256m', `-Dderby.stream.error.file=${join(folder, 'derby.log')}`],
    folder,
    mark: FOLDER_VARIABLE,
    environment: { AWS_EC2_METADATA_DISABLED: 'true' },
  });
  // What sessions are waiting for has the cores until it is wanted itself.
  setNiceness([pid], START_NICENESS);
  return {
    pid,
    ready: lineMatching(lines, /^ready$/).then(() => setNiceness([pid], 0)),
    ended,
    copyDerby: async (into) => {
      const answer = Promise.race([
        lineMatching(lines, /^(not )?copied/),
        ended.then(() => 'not copied: the metastore ended'),
      ]);
      stdin.write(`${into}\n`);
      if ((await answer) !== 'copied') throw new Error(`The catalog could not be copied: ${await answer}`);
    },
    end,
    kill,
  };
}

/** Ends metastores of an earlier server on this folder, and waits until they have gone: Derby serves one process. */
export async function endLeftMetastores(folder: string): Promise<number> {
  return await endLeftJava(FOLDER_VARIABLE, folder);
}

function classPath({ sparkHome, jars, folder }: MetastorePaths): string[] {
  const named = readdirSync(jars).filter((name) => JARS.test(name));
  return [join(folder, 'conf'), join(sparkHome, 'jars', '*'), ...named.map((name) => join(jars, name))];
}
