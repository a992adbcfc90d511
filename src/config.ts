/**
 * Every setting, in one schema. A value comes from the first of: flag (`--port`), environment (`PARTHENON_PORT`), settings
 * file (`port`), default. `parthenon config` prints each with its origin.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { resolveHome, settings } from './settings.ts';

const schema = z.strictObject(settings);

export type Config = z.output<typeof schema>;
export type SettingName = keyof typeof settings;
export type Origin = 'flag' | 'environment' | 'file' | 'default';

/** A configuration and where each of its values came from. */
export interface LoadedConfig {
  readonly config: Config;
  readonly origins: Readonly<Record<SettingName, Origin>>;
  /** The settings file, if one was read. */
  readonly file?: string;
}

/** A setting that cannot be used; `message` names it, its origin and what it must be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Settings whose values are never printed. */
const secretSettings: ReadonlySet<SettingName> = new Set([
  'secretAccessKey',
  's3SecretAccessKey',
  'catalogUrl',
  'metricsToken',
]);

/** Whether a setting's value is not to be printed: a database's URL holds a password, a file's path does not. */
export function isSecret(name: SettingName, value: unknown): boolean {
  return secretSettings.has(name) || (name === 'databaseUrl' && !String(value).startsWith('sqlite:'));
}

export const settingNames = Object.keys(settings) as SettingName[];

/** `sparkMaster` -> `PARTHENON_SPARK_MASTER`. */
export const environmentName = (name: SettingName): string => `PARTHENON_${separated(name, '_').toUpperCase()}`;

/** `sparkMaster` -> `--spark-master`. */
export const flagName = (name: SettingName): string => `--${separated(name, '-')}`;

export const describeSetting = (name: SettingName): string => settings[name].description ?? '';

/**
 * @param flags values given on the command line, by setting name
 * @param environment usually `process.env`
 * @throws ConfigError
 */
export function loadConfig(
  flags: Partial<Record<SettingName, string>> = {},
  environment: NodeJS.ProcessEnv = process.env,
): LoadedConfig {
  const fromEnvironment = (name: SettingName) => environment[environmentName(name)] || undefined;
  const home = resolveHome(flags.home ?? fromEnvironment('home') ?? join(homedir(), '.parthenon'));
  const file = environment.PARTHENON_CONFIG || join(home, 'settings.json');
  const fromFile = readSettingsFile(file, Boolean(environment.PARTHENON_CONFIG));
  const origins = {} as Record<SettingName, Origin>;
  const input: Record<string, unknown> = { ...fromFile };
  for (const name of settingNames) {
    origins[name] = name in input ? 'file' : 'default';
    const variable = fromEnvironment(name);
    if (variable !== undefined) [input[name], origins[name]] = [variable, 'environment'];
    if (flags[name] !== undefined) [input[name], origins[name]] = [flags[name], 'flag'];
  }
  const parsed = schema.safeParse(input);
  if (!parsed.success)
    throw new ConfigError(parsed.error.issues.map((issue) => explain(issue, origins, file)).join('\n'));
  checkTogether(parsed.data);
  return { config: parsed.data, origins, file: existsSync(file) ? file : undefined };
}

function readSettingsFile(file: string, mustExist: boolean): Record<string, unknown> {
  if (!existsSync(file)) {
    if (mustExist) throw new ConfigError(`The settings file ${file} that PARTHENON_CONFIG names does not exist.`);
    return {};
  }
  try {
    const settings: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof settings === 'object' && settings !== null && !Array.isArray(settings)) return { ...settings };
  } catch (error) {
    throw new ConfigError(`The settings file ${file} cannot be read: ${(error as Error).message}`);
  }
  throw new ConfigError(`The settings file ${file} is not a JSON object.`);
}

function explain(issue: z.core.$ZodIssue, origins: Record<SettingName, Origin>, file: string): string {
  if (issue.code === 'unrecognized_keys') {
    return `Unknown setting ${issue.keys.join(', ')} in ${file}; \`parthenon config\` lists the settings.`;
  }
  const name = String(issue.path[0]) as SettingName;
  const place = { flag: flagName(name), environment: environmentName(name), file: `${name} in ${file}`, default: name }[
    origins[name]
  ];
  return `${place}: ${issue.message}.`;
}

function checkTogether(config: Config): void {
  if ((config.accessKeyId === undefined) !== (config.secretAccessKey === undefined)) {
    throw new ConfigError(
      'PARTHENON_ACCESS_KEY_ID and PARTHENON_SECRET_ACCESS_KEY must be given together, or neither.',
    );
  }
  if ((config.tlsCertificate === undefined) !== (config.tlsKey === undefined)) {
    throw new ConfigError('PARTHENON_TLS_CERTIFICATE and PARTHENON_TLS_KEY must be given together, or neither.');
  }
  if (
    config.s3Endpoint !== undefined &&
    (config.s3AccessKeyId === undefined || config.s3SecretAccessKey === undefined)
  ) {
    throw new ConfigError('PARTHENON_S3_ENDPOINT needs PARTHENON_S3_ACCESS_KEY_ID and PARTHENON_S3_SECRET_ACCESS_KEY.');
  }
  if (config.s3StsEndpoint !== undefined && config.s3Endpoint === undefined) {
    throw new ConfigError(
      'PARTHENON_S3_STS_ENDPOINT needs PARTHENON_S3_ENDPOINT: the embedded store has the roles of this server.',
    );
  }
}

function separated(name: string, separator: string): string {
  return name.replace(/[A-Z]/g, (letter) => `${separator}${letter.toLowerCase()}`);
}

/** The location of results for workgroups that have none of their own, ending in `/`. */
export function defaultResultsLocation(config: Config): string {
  const location = config.resultsLocation ?? `s3://aws-athena-query-results-${config.accountId}-${config.region}/`;
  return location.endsWith('/') ? location : `${location}/`;
}

/** @throws ConfigError when calls would cross a network that others can read, and nobody said that this is meant */
export function checkListening({ host, tlsCertificate, allowPlaintext }: Config): void {
  if (tlsCertificate !== undefined || allowPlaintext || /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host)) return;
  throw new ConfigError(
    `Without TLS, ${host} is not listened on: what calls carry could be read on the way. ` +
      'Give PARTHENON_TLS_CERTIFICATE and PARTHENON_TLS_KEY, or say PARTHENON_ALLOW_PLAINTEXT=true where something else keeps the network private.',
  );
}

/** The administrator's pair, where settings give it. */
export function givenKeys({
  accessKeyId,
  secretAccessKey,
}: Config): { accessKeyId: string; secretAccessKey: string } | undefined {
  return accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
}
