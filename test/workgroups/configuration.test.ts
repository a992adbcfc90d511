import { describe, expect, it } from 'vitest';
import { InvalidRequestException } from '../../src/errors.ts';
import { newConfiguration, updatedConfiguration } from '../../src/workgroups/configuration.ts';

const spark = { EngineVersion: { SelectedEngineVersion: 'PySpark engine version 3' } };

describe('newConfiguration', () => {
  it('fills in AWS’s defaults and the effective engine version', () => {
    expect(newConfiguration()).toEqual({
      EnforceWorkGroupConfiguration: true,
      PublishCloudWatchMetricsEnabled: true,
      RequesterPaysEnabled: false,
      EngineVersion: { SelectedEngineVersion: 'AUTO', EffectiveEngineVersion: 'Athena engine version 3' },
    });
    expect(newConfiguration(spark).EngineVersion?.EffectiveEngineVersion).toBe('PySpark engine version 3');
  });

  it.each([
    { EngineVersion: { SelectedEngineVersion: 'Presto 1' } },
    { ResultConfiguration: { OutputLocation: 'http://bucket/' } },
    { ResultConfiguration: { EncryptionConfiguration: { EncryptionOption: 'CSE_KMS' as const, KmsKey: 'k' } } },
  ])('refuses %j', (configuration) => {
    expect(() => newConfiguration(configuration)).toThrow(InvalidRequestException);
  });
});

describe('updatedConfiguration', () => {
  const current = newConfiguration({
    ...spark,
    BytesScannedCutoffPerQuery: 10_000_000,
    ResultConfiguration: { OutputLocation: 's3://bucket/a/', ExpectedBucketOwner: '123456789012' },
  });

  it('replaces what is there, removes what it says, and keeps the rest', () => {
    const next = updatedConfiguration(current, {
      EnforceWorkGroupConfiguration: false,
      RemoveBytesScannedCutoffPerQuery: true,
      ResultConfigurationUpdates: { OutputLocation: 's3://bucket/b/', RemoveExpectedBucketOwner: true },
    });
    expect(JSON.parse(JSON.stringify(next))).toEqual({
      EnforceWorkGroupConfiguration: false,
      PublishCloudWatchMetricsEnabled: true,
      RequesterPaysEnabled: false,
      EngineVersion: {
        SelectedEngineVersion: 'PySpark engine version 3',
        EffectiveEngineVersion: 'PySpark engine version 3',
      },
      ResultConfiguration: { OutputLocation: 's3://bucket/b/' },
    });
  });

  it('changes the engine version to one that exists', () => {
    const next = updatedConfiguration(current, {
      EngineVersion: { SelectedEngineVersion: 'Apache Spark version 3.5' },
    });
    expect(next.EngineVersion?.EffectiveEngineVersion).toBe('Apache Spark version 3.5');
    expect(() => updatedConfiguration(current, { EngineVersion: { SelectedEngineVersion: 'x' } })).toThrow(
      InvalidRequestException,
    );
  });
});
