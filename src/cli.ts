/** The command line: what runs the server, and what people use it by (src/cli/). */
import { Command } from 'commander';
import { type Logger, pino } from 'pino';
import { addAccessCommands } from './access/cli/commands.ts';
import { administratorKeys, clientEnvironment, lastEndpoint } from './access/keys.ts';
import { addClientCommands } from './cli/commands.ts';
import { addCompletion } from './cli/completion.ts';
import { addBackupCommands } from './backup/command.ts';
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
import { logDestination } from './log-destination.ts';
import type { RunningServer } from './main.ts';
import { currentTrace } from './spans.ts';
import { addStopCommand } from './stop/command.ts';
import { stopOnSignals } from './stop/signals.ts';

type Flags = Partial<Record<SettingName, string>>;

const program = new Command('parthenon').description('A self-hosted Amazon Athena for Apache Spark.');

withSettings(program.command('start').description('start the server; stop it with Ctrl-C or `parthenon stop`')).action(
  start,
);
withSettings(program.command('env').description('print the export lines that AWS clients need')).action(
  printEnvironment,
);
withSettings(program.command('config').description('print every setting, its value and where that comes from')).action(
  printConfig,
);
const settingsOf = (home: string | undefined) => loadConfig(home === undefined ? {} : { home }).config;
addStopCommand(program, settingsOf);
addBackupCommands(program, settingsOf);
addAccessCommands(program, settingsOf);
addClientCommands(program);
addCompletion(program);

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
    logDestination,
  );
  // A terminal that is closed ends nothing: stop/signals.ts.
  process.stdout.on('error', () => undefined);
  const starting = startServer(config, logger);
  stopOnSignals(config.home, starting, logger);
  const server = await starting;
  stopWhenLost(server, logger);
  console.log(`Parthenon serves Athena for Apache Spark and S3 at ${server.endpoint}\n`);
  console.log(exportLines(clientEnvironment(server.keys.administrator, config.region, server.endpoint)));
  console.log(
    '\nPaste these lines where your AWS client runs (`npx parthenon env` prints them again). Stop with Ctrl-C.',
  );
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
  const { describeSandbox } = await import('./composition/sandbox.ts');
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
