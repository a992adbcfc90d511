import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { trustedCertificates, trustStore } from '../../../scripts/setup/certificates.mjs';
import { locateRuntime } from '../../../src/runtime/runtime.ts';

describe('trustStore', () => {
  it('is read by Java, seal included, with every certificate in it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
    const file = join(folder, 'cacerts');
    const certificates = rootCertificates.slice(0, 3).map((pem) => new X509Certificate(pem));
    writeFileSync(file, trustStore(certificates.map(({ raw }) => raw)));
    const keytool = join(dirname(locateRuntime().java), 'keytool');
    const listed = execFileSync(keytool, ['-list', '-keystore', file, '-storepass', 'changeit'], { encoding: 'utf8' });
    for (const { fingerprint256 } of certificates) expect(listed).toContain(fingerprint256);
    rmSync(folder, { recursive: true });
  });
});

describe('trustedCertificates', () => {
  it("has Node's own, each once", () => {
    const found = trustedCertificates().map((certificate) => certificate.toString('base64'));
    expect(new Set(found).size).toBe(found.length);
    for (const pem of rootCertificates) expect(found).toContain(new X509Certificate(pem).raw.toString('base64'));
  });
});
