import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { locateRuntime } from '../../../src/runtime/runtime.ts';
import { cleanEnvironment, until } from '../../support/server.ts';

const START_MILLIS = 60_000;
/** A client that hangs is ended, so that what it has printed is seen. */
const LONGEST_MILLIS = 150_000;

export interface ConnectClient {
  readonly process: ChildProcess;
  /** Both streams so far. */
  output(): string;
  /** Waits until it has printed this. */
  printed(text: string): Promise<void>;
  /** Waits for its end. @returns its exit code */
  ended(): Promise<number | null>;
}

/** What GetSessionEndpoint has answered, and the certificate that vouches for it. */
export interface Endpoint {
  readonly url: string;
  readonly token?: string | undefined;
  readonly ca?: string | undefined;
}

/** Starts Python with PySpark's own client, which knows the endpoint from its environment (remote.py). */
export function startClient(
  { url, token, ca }: Endpoint,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): ConnectClient {
  const child = spawn(locateRuntime().python, ['-u', ...args], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...cleanEnvironment(),
      ...environment,
      PYTHONDONTWRITEBYTECODE: '1',
      CONNECT_ENDPOINT: url,
      ...(token !== undefined && { CONNECT_TOKEN: token }),
      ...(ca !== undefined && { GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: ca }),
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    process: child,
    output: () => output,
    printed: async (text) => {
      await until(() => output.includes(text) || child.exitCode !== null, START_MILLIS);
      if (!output.includes(text)) throw new Error(`The client ended without '${text}':\n${output}`);
    },
    ended: async () => {
      const tooLong = setTimeout(() => child.kill('SIGKILL'), LONGEST_MILLIS);
      const code = await closed;
      clearTimeout(tooLong);
      return code;
    },
  };
}

/** Runs code in which `spark` is a client session. @returns what it prints; @throws what it raises */
export async function runClient(endpoint: Endpoint, code: string): Promise<string> {
  const client = startClient(endpoint, ['-c', `from remote import session\nspark = session()\n${code}`]);
  const exitCode = await client.ended();
  if (exitCode !== 0) throw new Error(client.output());
  return client.output();
}

export const suite = join(import.meta.dirname, 'suite.py');
