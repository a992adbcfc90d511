import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settingsPage } from '../scripts/generate-settings.ts';
import {
  ConfigError,
  defaultResultsLocation,
  environmentName,
  flagName,
  loadConfig,
  settingNames,
} from '../src/config.ts';

function homeWith(settings: object | string): string {
  const home = mkdtempSync(join(tmpdir(), 'parthenon-config-'));
  writeFileSync(join(home, 'settings.json'), typeof settings === 'string' ? settings : JSON.stringify(settings));
  return home;
}

describe('loadConfig', () => {
  it('has the documented defaults', () => {
    const { config, origins } = loadConfig({}, { PARTHENON_HOME: '/nowhere' });
    expect(config).toMatchObject({ host: '127.0.0.1', port: 8730, region: 'us-east-1', accountId: '123456789012' });
    expect(origins.home).toBe('environment');
    expect(origins.port).toBe('default');
  });

  it('takes flag over environment over file over default, and tells which', () => {
    const home = homeWith({ port: 1, region: 'eu-west-1', poolSize: 3 });
    const { config, origins } = loadConfig(
      { port: '3' },
      { PARTHENON_HOME: home, PARTHENON_PORT: '2', PARTHENON_REGION: 'eu-west-2' },
    );
    expect([config.port, config.region, config.poolSize]).toEqual([3, 'eu-west-2', 3]);
    expect([origins.port, origins.region, origins.poolSize, origins.host]).toEqual([
      'flag',
      'environment',
      'file',
      'default',
    ]);
  });

  it.each([
    [{ port: 'abc' }, {}, '--port'],
    [{}, { PARTHENON_PORT: '70000' }, 'PARTHENON_PORT'],
    [{}, { PARTHENON_ACCOUNT_ID: '12' }, 'PARTHENON_ACCOUNT_ID'],
    [{}, { PARTHENON_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' }, 'PARTHENON_SECRET_ACCESS_KEY'],
    [{}, { PARTHENON_S3_ENDPOINT: 'http://localhost:9000' }, 'PARTHENON_S3_ACCESS_KEY_ID'],
    [{}, { PARTHENON_SPARK_PROPERTIES: 'spark.a=b' }, 'must be a JSON object'],
    [{}, { PARTHENON_S3_PATH_STYLE: 'maybe' }, 'PARTHENON_S3_PATH_STYLE: must be true or false'],
    [
      {},
      { PARTHENON_ACCESS_KEY_ID: 'A'.repeat(20), PARTHENON_SECRET_ACCESS_KEY: 'sixteen chars and spaces' },
      'without spaces',
    ],
    [{}, { PARTHENON_CONFIG: '/nowhere/settings.json' }, '/nowhere/settings.json'],
  ])('refuses %j %j and names %s', (flags, environment, named) => {
    expect(() => loadConfig(flags, { PARTHENON_HOME: '/nowhere', ...environment })).toThrow(ConfigError);
    expect(() => loadConfig(flags, { PARTHENON_HOME: '/nowhere', ...environment })).toThrow(named);
  });

  it('refuses unknown settings and broken files by name', () => {
    const misspelt = homeWith({ prot: 1 });
    expect(() => loadConfig({ home: misspelt }, {})).toThrow(/prot/);
    for (const value of [null, true, 1.5, '1e3']) {
      expect(() => loadConfig({ home: homeWith({ port: value }) }, {}), String(value)).toThrow(
        /port in .* whole number/,
      );
    }
    expect(() => loadConfig({ home: homeWith('[1]') }, {})).toThrow(/is not a JSON object/);
    const broken = homeWith('{');
    expect(() => loadConfig({ home: broken }, {})).toThrow(join(broken, 'settings.json'));
  });

  it('reads lists, switches and properties from the environment', () => {
    const { config } = loadConfig(
      {},
      {
        PARTHENON_HOME: '/nowhere',
        PARTHENON_VIRTUAL_HOSTS: 's3.local, localhost',
        PARTHENON_S3_PATH_STYLE: 'false',
        PARTHENON_SPARK_PROPERTIES: '{"spark.sql.shuffle.partitions":"8"}',
      },
    );
    expect(config.virtualHosts).toEqual(['s3.local', 'localhost']);
    expect(config.s3PathStyle).toBe(false);
    expect(config.sparkProperties).toEqual({ 'spark.sql.shuffle.partitions': '8' });
  });
});

describe('names', () => {
  it('of environment and flags are derived, so that no two settings share one', () => {
    expect(environmentName('sparkMaster')).toBe('PARTHENON_SPARK_MASTER');
    expect(flagName('s3AccessKeyId')).toBe('--s3-access-key-id');
    expect(new Set(settingNames.map(environmentName)).size).toBe(settingNames.length);
  });
});

describe('defaultResultsLocation', () => {
  it('is a bucket of the account and region, and always a folder', () => {
    expect(defaultResultsLocation(loadConfig({}, { PARTHENON_HOME: '/x' }).config)).toBe(
      's3://aws-athena-query-results-123456789012-us-east-1/',
    );
    const own = loadConfig({}, { PARTHENON_HOME: '/x', PARTHENON_RESULTS_LOCATION: 's3://mine/results' }).config;
    expect(defaultResultsLocation(own)).toBe('s3://mine/results/');
  });
});

describe('docs/operators/settings.md', () => {
  it('is what the schema says', () => {
    const page = resolve(import.meta.dirname, '..', 'docs', 'operators', 'settings.md');
    expect(readFileSync(page, 'utf8')).toBe(settingsPage());
  });
});
