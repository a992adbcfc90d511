import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/access/authorize.ts';
import { KeyRing, lastEndpoint, newAccessKeyId, writeAwsConfig } from '../../src/access/keys.ts';
import type { Role } from '../../src/access/directory/directory.ts';
import type { AccessKey } from '../../src/access/principal.ts';

const newHome = () => mkdtempSync(join(tmpdir(), 'parthenon-keys-'));
const ring = (home: string, rest: Partial<ConstructorParameters<typeof KeyRing>[0]> = {}) =>
  new KeyRing({ home, accountId: '123456789012', findSession: async () => undefined, ...rest });

describe('KeyRing', () => {
  it('makes the administrator’s pair once, for the owner’s eyes only', () => {
    const home = newHome();
    const first = ring(home).administrator;
    expect(ring(home).administrator).toEqual(first);
    expect(first.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(first.secretAccessKey).toHaveLength(40);
    for (const file of ['credentials', 'master.key']) expect(statSync(join(home, file)).mode & 0o777, file).toBe(0o600);
  });

  it('takes the pair that settings give, and writes it where AWS clients look', () => {
    const home = newHome();
    const administrator = { accessKeyId: 'AKIAGIVENGIVENGIVEN1', secretAccessKey: 'given-secret-given-secret' };
    expect(ring(home, { administrator }).administrator).toMatchObject(administrator);
    expect(readFileSync(join(home, 'credentials'), 'utf8')).toContain(
      'aws_secret_access_key = given-secret-given-secret',
    );
  });

  it('knows a session’s keys while the session is active, and only then, also after a restart', async () => {
    const home = newHome();
    const session = { sessionId: 'a-session', executionRole: 'arn:aws:iam::123456789012:role/Analyst' };
    let active = true;
    const findSession = async (id: string) => (active && id === session.sessionId ? session : undefined);
    const issued = ring(home, { findSession }).issueSessionKey(session.sessionId, 60);
    const keys = ring(home, { findSession });
    const { accessKeyId, sessionToken } = issued;
    const key = await keys.find(accessKeyId, sessionToken);
    expect(key).toMatchObject(issued);
    const another = keys.issueSessionKey(session.sessionId, 60);
    expect(await keys.find(another.accessKeyId, sessionToken)).toBeUndefined();
    expect(await keys.find(accessKeyId)).toBeUndefined();
    expect(key?.principal).toMatchObject({
      kind: 'session',
      sessionId: 'a-session',
      arn: 'arn:aws:sts::123456789012:assumed-role/Analyst/a-session',
    });
    active = false;
    expect(await keys.find(accessKeyId, sessionToken)).toBeUndefined();
  });

  it('knows the lasting key of a session that an earlier version started', async () => {
    const accessKeyId = newAccessKeyId();
    const session = { sessionId: 'an-old-session', executionRole: 'arn:aws:iam::123456789012:role/Analyst' };
    const findSessionOfKey = async (id: string) => (id === accessKeyId ? session : undefined);
    const key = await ring(newHome(), { findSessionOfKey }).find(accessKeyId);
    expect(key).toMatchObject({ accessKeyId, principal: { sessionId: 'an-old-session' } });
    expect(key?.secretAccessKey).toHaveLength(40);
  });

  it('forgets the keys of a role that is deleted, also where another of its name is made', async () => {
    const home = newHome();
    const roleOf = (id: string) => ({ version: 1, roles: { Mine: { id, createdAt: '2026-01-01T00:00:00Z' } } });
    writeFileSync(join(home, 'access.json'), JSON.stringify(roleOf('AROAX')));
    const keys = ring(home);
    const role = keys.role('arn:aws:iam::123456789012:role/Mine') as Role;
    const { accessKeyId, sessionToken, principal } = keys.issueRoleKey(role, 'anna', 60);
    expect(principal).toMatchObject({ arn: 'arn:aws:sts::123456789012:assumed-role/Mine/anna', userId: 'AROAX:anna' });
    expect((await keys.find(accessKeyId, sessionToken))?.principal).toEqual(principal);
    writeFileSync(join(home, 'access.json'), JSON.stringify(roleOf('AROAY')));
    expect(await keys.find(accessKeyId, sessionToken)).toBeUndefined();
  });

  it('gives a session what its role says: any role all of S3, until roles are configured; then an unknown one nothing', async () => {
    const home = newHome();
    const rightsWith = async (role: string) => {
      const executionRole = `arn:aws:iam::123456789012:role/${role}`;
      const keys = ring(home, { findSession: async () => ({ sessionId: 'a-session', executionRole }) });
      const { accessKeyId, sessionToken } = keys.issueSessionKey('a-session', 60);
      const { principal } = (await keys.find(accessKeyId, sessionToken)) as AccessKey;
      const may = (bucket: string) =>
        decide(principal, { action: 's3:GetObject', resource: `arn:aws:s3:::${bucket}/k` }) === 'allowed';
      return { mine: may('mine'), others: may('others'), userId: principal.userId };
    };
    expect(await rightsWith('Any')).toMatchObject({ mine: true, others: true });
    const policy = {
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::mine/*' },
    };
    const role = { id: 'AROAX', createdAt: '2026-01-01T00:00:00Z', policies: { policy } };
    const document = { version: 1, roles: { Mine: role }, onlyTheseRoles: true };
    writeFileSync(join(home, 'access.json'), JSON.stringify(document));
    expect(await rightsWith('Mine')).toEqual({ mine: true, others: false, userId: 'AROAX:a-session' });
    expect(await rightsWith('Any')).toMatchObject({ mine: false, others: false });
    expect(await rightsWith('ParthenonDefaultExecutionRole')).toMatchObject({ mine: true, others: true });
    writeFileSync(join(home, 'access.json'), JSON.stringify({ ...document, roles: {} }));
    expect(await rightsWith('Mine')).toMatchObject({ mine: false, others: false });
  });

  it('gives a part of the server keys that are no administrator’s, and that no later server knows', async () => {
    const home = newHome();
    const keys = ring(home);
    const pair = keys.serviceKey('catalog');
    expect(await keys.find(pair.accessKeyId)).toMatchObject({ ...pair, principal: { kind: 'session' } });
    expect(keys.serviceKey('catalog').accessKeyId).not.toBe(pair.accessKeyId);
    expect(await ring(home).find(pair.accessKeyId)).toBeUndefined();
  });

  it('takes no key that was made under another master key: a copy of the database signs nothing', async () => {
    const findSession = async (sessionId: string) => ({ sessionId, executionRole: 'any' });
    const { accessKeyId, sessionToken } = ring(newHome(), { findSession }).issueSessionKey('a-session', 60);
    expect(await ring(newHome(), { findSession }).find(accessKeyId, sessionToken)).toBeUndefined();
  });

  it('says what to do about a damaged credentials file', () => {
    const home = newHome();
    writeFileSync(join(home, 'credentials'), 'rubbish');
    expect(() => ring(home)).toThrow(/remove it to have new keys made/);
  });
});

describe('the AWS config file', () => {
  it('carries the endpoint of the last start', () => {
    const home = newHome();
    expect(lastEndpoint(home)).toBeUndefined();
    writeAwsConfig(home, 'eu-west-1', 'http://127.0.0.1:8730');
    expect(lastEndpoint(home)).toBe('http://127.0.0.1:8730');
    expect(readFileSync(join(home, 'config'), 'utf8')).toContain('region = eu-west-1');
  });
});
