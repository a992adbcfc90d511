/** `parthenon sessions | calculations | run | sql | logs | completion`: for people, by the public API alone. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ClientOptions } from './clients.ts';
import { explained } from './explain.ts';

/** Options by which a session is started. */
export interface SessionOptions {
  readonly workgroup: string;
  readonly property?: Readonly<Record<string, string>>;
  readonly dpus?: number;
  readonly idleTimeout?: number;
  readonly description?: string;
}

/** Options of what runs code. */
export interface RunOptions extends SessionOptions, ClientOptions {
  readonly session?: string;
  readonly keep?: boolean;
  readonly outputDir: string;
}

export interface ListOptions extends ClientOptions {
  readonly state?: string;
  readonly limit: number;
  readonly json?: boolean;
}

export interface ShowOptions extends ClientOptions {
  readonly json?: boolean;
}

/** What the commands do is loaded when one of them runs: the SDK takes a tenth of a second. */
export function addClientCommands(program: Command): void {
  addSessions(program);
  addCalculations(program);
  addRun(program);
  withClient(program.command('logs'))
    .description('print the output of a calculation, or of all calculations of a session, so far')
    .argument('<id>', 'of a calculation or a session')
    .option('-f, --follow', 'go on as it comes, until the calculation or the session ends')
    .action(
      explained(async (id: string, options: ClientOptions & { follow?: boolean }) => {
        const { printLogs } = await import('./logs.ts');
        await printLogs(id, options);
      }),
    );
}

function addSessions(program: Command): void {
  const sessions = program.command('sessions').description('list, start, show and stop sessions');
  withClient(withList(sessions.command('list').alias('ls')))
    .description('sessions of a workgroup, newest first')
    .option('-w, --workgroup <name>', 'the workgroup', 'primary')
    .action(
      explained(async (options: ListOptions & { workgroup: string }) => {
        const { listSessions } = await import('./sessions.ts');
        await listSessions(options);
      }),
    );
  withClient(withSession(sessions.command('start')))
    .description('start a session and print its id once it can run code')
    .option('--no-wait', 'print the id at once')
    .action(
      explained(async (options: SessionOptions & ClientOptions & { wait: boolean }) => {
        const { startSessionCommand } = await import('./sessions.ts');
        await startSessionCommand(options);
      }),
    );
  withClient(withJson(sessions.command('show')))
    .description('what there is to know of a session')
    .argument('<session>', 'its id')
    .action(
      explained(async (id: string, options: ShowOptions) => {
        const { showSession } = await import('./sessions.ts');
        await showSession(id, options);
      }),
    );
  withClient(sessions.command('stop'))
    .description('terminate sessions, and what runs in them')
    .argument('<session...>', 'their ids')
    .action(
      explained(async (ids: string[], options: ClientOptions) => {
        const { stopSessions } = await import('./sessions.ts');
        await stopSessions(ids, options);
      }),
    );
}

function addCalculations(program: Command): void {
  const calculations = program.command('calculations').description('list, show and stop calculations');
  withClient(withList(calculations.command('list').alias('ls')))
    .description('calculations of a session, newest first')
    .argument('<session>', 'its id')
    .action(
      explained(async (session: string, options: ListOptions) => {
        const { listCalculations } = await import('./calculations.ts');
        await listCalculations(session, options);
      }),
    );
  withClient(withJson(calculations.command('show')))
    .description('what there is to know of a calculation')
    .argument('<calculation>', 'its id')
    .action(
      explained(async (id: string, options: ShowOptions) => {
        const { showCalculation } = await import('./calculations.ts');
        await showCalculation(id, options);
      }),
    );
  withClient(calculations.command('stop'))
    .description('stop calculations; their sessions go on')
    .argument('<calculation...>', 'their ids')
    .action(
      explained(async (ids: string[], options: ClientOptions) => {
        const { stopCalculations } = await import('./calculations.ts');
        await stopCalculations(ids, options);
      }),
    );
}

function addRun(program: Command): void {
  withRun(program.command('run'))
    .description('run a Python file, or standard input, with its output as it comes; exits with 1 where it fails')
    .argument('[file]', 'the file; - for standard input')
    .option('--output-dir <folder>', 'where figures are saved', '.')
    .addHelpText(
      'after',
      '\nExamples:\n  parthenon run job.py -D spark.sql.shuffle.partitions=8\n  echo "print(spark.version)" | parthenon run',
    )
    .action(
      explained(async (file: string | undefined, options: RunOptions) => {
        const { runFile } = await import('./run.ts');
        await runFile(file, options);
      }),
    );
  withRun(program.command('sql'))
    .description('run one SQL statement and print its rows')
    .argument('[statement]', 'the statement; - for standard input')
    .option('--file <file>', 'read the statement from a file')
    .addOption(
      new Option('--format <format>', 'how rows are printed').choices(['table', 'csv', 'json']).default('table'),
    )
    .addHelpText(
      'after',
      '\nExample:\n  parthenon sql "SELECT city, count(*) FROM trips GROUP BY city" --format csv > cities.csv',
    )
    .action(
      explained(async (statement: string | undefined, options: RunOptions & { file?: string; format: string }) => {
        const { runSql } = await import('./sql.ts');
        await runSql(statement, options);
      }),
    );
}

function withClient(command: Command): Command {
  return command
    .option('--endpoint-url <url>', 'the server (AWS_ENDPOINT_URL); unless told, the one that was started here')
    .option('--profile <name>', 'a profile of AWS’s configuration (AWS_PROFILE)')
    .option('--region <region>', 'the region to sign for (AWS_REGION)')
    .option('--home <folder>', 'folder that holds all state of the server that was started here');
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON, as the API answers');
}

function withList(command: Command): Command {
  return withJson(command)
    .option('--state <state>', 'only those in this state')
    .option('-n, --limit <number>', 'how many at most', wholeNumber, 50);
}

function withSession(command: Command): Command {
  return command
    .option('-w, --workgroup <name>', 'the workgroup', 'primary')
    .option('-D, --property <name=value>', 'a Spark property; may be given again', addProperty)
    .option('--dpus <number>', 'MaxConcurrentDpus', wholeNumber)
    .option('--idle-timeout <minutes>', 'when the session ends if nobody uses it', wholeNumber)
    .option('--description <text>', 'the session’s');
}

function withRun(command: Command): Command {
  return withClient(
    withSession(
      command
        .option('-s, --session <id>', 'run in this session, which goes on; else in a new one that ends afterwards')
        .option('--keep', 'leave the new session; its id is told on standard error'),
    ),
  );
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('must be a whole number from 1 on');
  return Number(text);
}

function addProperty(pair: string, others: Record<string, string> = {}): Record<string, string> {
  const equals = pair.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('must be name=value');
  return { ...others, [pair.slice(0, equals).trim()]: pair.slice(equals + 1) };
}
