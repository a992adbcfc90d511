/** The command line: `parthenon start | env | config | access`. */
import { Command } from 'commander';
import { type Logger, pino } from 'pino';
import { addAccessCommands } from './access/cli/commands.ts';
import { administratorKeys, clientEnvironment, lastEndpoint } from './access/keys.ts';
import {
  ConfigError,
  describeSetting,
  environmentName,
  flagName,
  givenKeys,
  isSecret,
  type LoadedConfig,
  loadConfig,
  type SettingName,
  settingNames,
} from './config.ts';
import type { RunningServer } from './main.ts';
import { currentTrace } from './spans.ts';

/** A signal this soon after the first is the same one again. */
const REPEATED_SIGNAL_MILLIS = 1000;

type Flags = Partial<Record<SettingName, string>>;

const program = new Command('parthenon').description('A self-hosted Amazon Athena for Apache Spark.');

withSettings(program.command('start').description('start the server; stop it with Ctrl-C or SIGTERM')).action(start);
withSettings(program.command('env').description('print the export lines that AWS clients need')).action(
  printEnvironment,
);
withSettings(program.command('config').description('print every setting, its value and where that comes from')).action(
  printConfig,
);
addAccessCommands(program, (home) => loadConfig(home === undefined ? {} : { home }).config);

try {
  await program.parseAsync();
} catch (error) {
  // Errors of ours say what to do; a stack trace would hide it.
  console.error(`parthenon: ${error instanceof Error ? error.message : String(error)}`);
  if (process.env.PARTHENON_LOG_LEVEL === 'debug') console.error(error);
  process.exitCode = error instanceof ConfigError ? 2 : 1;
}

function withSettings(command: Command): Command {
  for (const name of settingNames)
    command.option(`${flagName(name)} <value>`, `${describeSetting(name)} (${environmentName(name)})`);
  return command;
}

async function start(flags: Flags): Promise<void> {
  const { config } = loadConfig(flags);
  // Only here: what the other commands need is there in a moment, the server is not.
  const { startServer } = await import('./main.ts');
  const logger = pino(
    { level: config.logLevel, redact: ['*.secretAccessKey', 'secretAccessKey'], mixin: () => currentTrace() ?? {} },
    pino.destination(2),
  );
  const starting = startServer(config, logger);
  stopOnSignals(starting, logger);
  const server = await starting;
  stopWhenLost(server, logger);
  console.log(`Parthenon serves Athena for Apache Spark and S3 at ${server.endpoint}\n`);
  console.log(exportLines(clientEnvironment(server.keys.administrator, config.region, server.endpoint)));
  console.log(
    '\nPaste these lines where your AWS client runs (`npx parthenon env` prints them again). Stop with Ctrl-C.',
  );
}

/**
 * Stops in order, also a server that is still starting. A terminal's Ctrl-C arrives twice under `npm start`, from the terminal and
 * from the launcher: only a signal that comes after a while is an impatient second one.
 */
function stopOnSignals(starting: Promise<RunningServer>, logger: Logger): void {
  let stoppingSince: number | undefined;
  const onSignal = async (signal: NodeJS.Signals) => {
    if (stoppingSince !== undefined) {
      if (Date.now() - stoppingSince > REPEATED_SIGNAL_MILLIS) process.exit(1);
      return;
    }
    stoppingSince = Date.now();
    logger.info({ signal }, 'Stopping');
    try {
      const server = await starting;
      await server.stop();
      process.exit(0);
    } catch (error) {
      logger.error({ err: error }, 'The stop failed');
      process.exit(1);
    }
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
}

/** A server that may not write any more ends its drivers and itself, so that whoever watches over it starts it again. */
function stopWhenLost(server: RunningServer, logger: Logger): void {
  void server.storeTaken
    .then(() => server.stop())
    .catch((error: unknown) => logger.error({ err: error }, 'The stop failed'))
    .finally(() => process.exit(1));
}

async function printEnvironment(flags: Flags): Promise<void> {
  const { config } = loadConfig(flags);
  const endpoint =
    lastEndpoint(config.home) ??
    `${config.tlsCertificate === undefined ? 'http' : 'https'}://${config.host}:${config.port}`;
  console.log(
    exportLines(clientEnvironment(administratorKeys(config.home, givenKeys(config)), config.region, endpoint)),
  );
}

async function printConfig(flags: Flags): Promise<void> {
  const loaded: LoadedConfig = loadConfig(flags);
  if (loaded.file !== undefined) console.log(`# settings file: ${loaded.file}`);
  for (const name of settingNames) {
    const value = loaded.config[name];
    const shown = value === undefined ? '(not set)' : isSecret(name, value) ? '(secret)' : withoutSecrets(value);
    console.log(`${name} = ${shown}  # ${loaded.origins[name]}; ${environmentName(name)}; ${describeSetting(name)}`);
  }
  const { describeSandbox } = await import('./sandbox.ts');
  console.log(`# ${await describeSandbox(loaded.config)}`);
}

/** JSON in which properties that hold a secret do not show it; which do, as Spark itself takes it: spark.redaction.regex. */
function withoutSecrets(value: unknown): string {
  const secret = /secret|password|token|access[.]?key/i;
  return JSON.stringify(value, (name, inner) => (secret.test(name) && typeof inner === 'string' ? '(secret)' : inner));
}

/** One `export NAME=value` a line, for `eval` in a shell: a value with characters that a shell would read is quoted. */
function exportLines(variables: Record<string, string>): string {
  const quoted = (value: string) => (/^[\w@%+=:,./-]*$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`);
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quoted(value)}`)
    .join('\n');
}
