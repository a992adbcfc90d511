import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { AthenaClient, ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runtimeFolder } from '../../../src/runtime/runtime.ts';
import { run, startIdleSession } from '../../support/calculations.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { cleanEnvironment, newHome, startTestServer, type TestServer } from '../../support/server.ts';
import { access, allow, newUser, policyFile, roleArn, workGroupArn } from './people.ts';

const execute = promisify(execFile);
const cli = resolve(import.meta.dirname, '..', '..', '..', 'src', 'cli.ts');
const python = join(runtimeFolder(), 'clients', 'bin', 'python');
let server: TestServer;
let ca: string;
let auditFile: string;

beforeAll(async () => {
  const home = newHome();
  const { certificate, key } = makeCertificate();
  ca = join(home, 'cert.pem');
  writeFileSync(ca, certificate);
  writeFileSync(join(home, 'key.pem'), key);
  auditFile = join(home, 'audit.log');
  const started = await startTestServer(
    { 'tls-certificate': ca, 'tls-key': join(home, 'key.pem'), audit: auditFile, 'pool-size': '1' },
    home,
  );
  server = { ...started, ...trusting(started, certificate) };
});
afterAll(async () => {
  await server.remove();
});

/** Clients that know who vouches for the server. */
function trusting({ endpoint, environment }: TestServer, certificate: string) {
  const client = {
    endpoint,
    region: 'us-east-1',
    credentials: {
      accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
    },
    requestHandler: { httpsAgent: new Agent({ ca: certificate }) },
    maxAttempts: 1,
  };
  return { athena: new AthenaClient(client), s3: new S3Client({ ...client, forcePathStyle: true }) };
}

describe('a server with a certificate', () => {
  it('prints an endpoint of TLS, which AWS’s clients trust by the certificate alone', async () => {
    expect(server.endpoint).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(readFileSync(join(server.home, 'config'), 'utf8')).toContain(`endpoint_url = ${server.endpoint}`);
    expect((await server.athena.send(new ListWorkGroupsCommand())).WorkGroups).toHaveLength(1);
    const script = [
      'import boto3',
      'print(boto3.client("sts").get_caller_identity()["Arn"])',
      'print([group["Name"] for group in boto3.client("athena").list_work_groups()["WorkGroups"]])',
      'boto3.client("s3").create_bucket(Bucket="by-boto3")',
    ].join('\n');
    const env = { ...cleanEnvironment(), ...server.environment };
    const { stdout } = await execute(python, ['-c', script], { env: { ...env, AWS_CA_BUNDLE: ca } });
    expect(stdout).toBe("arn:aws:iam::123456789012:root\n['primary']\n");
    await expect(execute(python, ['-c', script], { env })).rejects.toMatchObject({
      stderr: expect.stringContaining('SSL validation failed'),
    });
  });

  it('serves the S3 of its sessions, each within its role, and audits who did what', async () => {
    const policy = [allow('s3:*', ['arn:aws:s3:::allowed', 'arn:aws:s3:::allowed/*']), allow('athena:ListWorkGroups')];
    await access(server, 'create-role', 'Analyst', '--policy', policyFile(server, policy));
    for (const Bucket of ['allowed', 'forbidden']) {
      await server.s3.send(new CreateBucketCommand({ Bucket }));
      await server.s3.send(new PutObjectCommand({ Bucket, Key: 'there', Body: 'x' }));
    }
    const sessionId = await startIdleSession(server, { ExecutionRole: roleArn('Analyst') });
    const ran = await run(
      server,
      sessionId,
      `
import boto3, botocore
spark.range(5).write.parquet("s3://allowed/numbers")
print(spark.read.parquet("s3a://allowed/numbers").count())
print(boto3.client("s3").get_object(Bucket="allowed", Key="there")["Body"].read())
print(boto3.client("sts").get_caller_identity()["Arn"])
print(len(boto3.client("athena").list_work_groups()["WorkGroups"]))
for refused in (
    lambda: boto3.client("s3").get_object(Bucket="forbidden", Key="there"),
    lambda: boto3.client("athena").get_work_group(WorkGroup="primary"),
    lambda: spark.read.text("s3://forbidden/there").count(),
):
    try:
        refused()
        print("NOT REFUSED")
    except Exception as error:
        print("AccessDenied" in str(error) or "403" in str(error) or str(error))
`,
    );
    expect(ran.stderr).toBe('');
    expect(ran.stdout.trim().split('\n')).toEqual([
      '5',
      "b'x'",
      `arn:aws:sts::123456789012:assumed-role/Analyst/${sessionId}`,
      '1',
      'True',
      'True',
      'True',
    ]);
    const written = await server.s3.send(new ListObjectsV2Command({ Bucket: 'allowed', Prefix: 'numbers/_SUCCESS' }));
    expect(written.KeyCount).toBe(1);

    const lines = readFileSync(auditFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const principal = `arn:aws:sts::123456789012:assumed-role/Analyst/${sessionId}`;
    expect(lines).toContainEqual(
      expect.objectContaining({
        principal,
        service: 's3',
        operation: 'GetObject',
        resource: 'arn:aws:s3:::forbidden/there',
        outcome: 'AccessDenied',
        status: 403,
      }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({
        principal: 'arn:aws:iam::123456789012:root',
        service: 'athena',
        operation: 'StartSession',
        resource: workGroupArn('primary'),
        outcome: 'ok',
      }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ operation: 'StartCalculationExecution', resource: workGroupArn('primary') }),
    );
    const text = readFileSync(auditFile, 'utf8');
    expect(text).not.toContain('NOT REFUSED');
    expect(text).not.toContain(server.environment.AWS_SECRET_ACCESS_KEY);
    // Its role gone, the session reaches nothing.
    await access(server, 'delete-role', 'Analyst');
    const after = await run(server, sessionId, 'boto3.client("s3").get_object(Bucket="allowed", Key="there")');
    expect(after.stderr).toContain('AccessDenied');
  });

  it('tells policies that a call came over it', async () => {
    const person = await newUser(server, 'careful', [
      allow('athena:ListWorkGroups', '*', { Bool: { 'aws:SecureTransport': 'true' } }),
    ]);
    const env = {
      ...cleanEnvironment(),
      ...server.environment,
      AWS_CA_BUNDLE: ca,
      AWS_ACCESS_KEY_ID: person.accessKeyId,
      AWS_SECRET_ACCESS_KEY: person.secretAccessKey,
    };
    const script = 'import boto3; print(len(boto3.client("athena").list_work_groups()["WorkGroups"]))';
    expect((await execute(python, ['-c', script], { env })).stdout).toBe('1\n');
  });
});

describe('a server without a certificate', () => {
  const start = async (...args: string[]) =>
    await execute(process.execPath, [cli, 'start', '--home', newHome(), '--port', '0', ...args], {
      env: cleanEnvironment(),
    });

  it('does not listen beyond the loopback interface, and says both ways out', async () => {
    await expect(start('--host', '0.0.0.0')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /Without TLS, 0\.0\.0\.0 is not listened on.*PARTHENON_TLS_CERTIFICATE and PARTHENON_TLS_KEY.*PARTHENON_ALLOW_PLAINTEXT=true/,
      ),
    });
  });

  it('does when it is told to', async () => {
    const plain = await startTestServer({ host: '0.0.0.0', 'allow-plaintext': 'true' });
    expect((await fetch(`${plain.endpoint}/health/ready`)).status).toBe(200);
    await plain.remove();
  });

  it('says what is wrong with its files', async () => {
    await expect(
      start('--tls-certificate', '/nowhere/cert.pem', '--tls-key', '/nowhere/key.pem'),
    ).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("tlsCertificate: ENOENT: no such file or directory, open '/nowhere/cert.pem'"),
    });
    await expect(start('--tls-key', '/nowhere/key.pem')).rejects.toMatchObject({
      stderr: expect.stringContaining('must be given together'),
    });
    await expect(start('--audit', '/nowhere/audit.log')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('PARTHENON_AUDIT: ENOENT'),
    });
  });
});
