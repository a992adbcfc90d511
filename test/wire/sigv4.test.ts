import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runtimeFolder } from '../../src/runtime/runtime.ts';
import { createSignatureVerifier } from '../../src/wire/sigv4.ts';
import type { SignedRequest } from '../../src/wire/sigv4-parse.ts';
import { asSigned, call, refusalOf, upload, verifier, withHeader } from './sigv4-requests.ts';
import { ADMINISTRATOR, keys, NOW, type Plain, REGION, type SignOptions, sha256, sign, TEMPORARY } from './signing.ts';

const FORMS: readonly [string, Plain, SignOptions][] = [
  ['an Athena call by header', call, {}],
  ['an Athena call by header with a session token', call, { key: TEMPORARY }],
  ['an S3 upload by header', upload, { service: 's3' }],
  ['a presigned S3 URL', upload, { service: 's3', expiresIn: 60 }],
  ['a presigned S3 URL with a session token', upload, { service: 's3', expiresIn: 604_800, key: TEMPORARY }],
];

/** S3 presigned URLs leave the body out of the signature. */
function payloadHash(plain: Plain, { service, expiresIn }: SignOptions): string {
  return service === 's3' && expiresIn ? 'UNSIGNED-PAYLOAD' : sha256(plain.body ?? '');
}

describe('signatures of @smithy/signature-v4', () => {
  test.each(FORMS)('%s is accepted and tells who signed', async (_, plain, options) => {
    const verified = await verifier.verify(await sign(asSigned(plain, options), options), payloadHash(plain, options));
    const key = options.key ?? ADMINISTRATOR;
    const service = options.service ?? 'athena';
    expect(verified).toMatchObject({
      principal: key.principal,
      accessKeyId: key.accessKeyId,
      service,
      region: REGION,
      date: '20260301T120000Z',
      scope: `20260301/${REGION}/${service}/aws4_request`,
      presigned: options.expiresIn !== undefined,
    });
    expect(verified.signature).toMatch(/^[0-9a-f]{64}$/);
    expect(verified.signingKey.symmetricKeySize).toBe(32);
  });

  test.each(FORMS)('%s is refused with any single character changed', async (_, plain, options) => {
    const request = await sign(asSigned(plain, options), options);
    const hash = payloadHash(plain, options);
    for (const tampered of everySingleChange(request)) {
      await expect(verifier.verify(tampered, hash), JSON.stringify(tampered)).rejects.toThrow();
    }
    for (const [index] of [...hash].entries()) {
      await expect(verifier.verify(request, changedAt(hash, index))).rejects.toThrow();
    }
  });

  test('whatever the method, path, query and headers', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 });
    const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9._~ -]{0,8}$/).filter((n) => !/^x-amz-/i.test(n));
    const plain = fc.record({
      method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
      path: fc.array(text.map(strictEncode), { maxLength: 4 }).map((segments) => `/${segments.join('/')}`),
      query: fc.dictionary(name, fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })), { maxKeys: 4 }),
      headers: fc.dictionary(
        fc.stringMatching(/^x-amz-meta-[a-z0-9]{1,6}$/),
        fc.stringMatching(/^[!-~]([ -~]{0,12}[!-~])?$/),
        { maxKeys: 3 },
      ),
      body: text,
    });
    const options = fc.record({
      key: fc.constantFrom(ADMINISTRATOR, TEMPORARY),
      service: fc.constantFrom('s3', 'athena'),
    });
    await fc.assert(
      fc.asyncProperty(plain, options, fc.nat(), async (request, how, seed) => {
        const signed = await sign(request, how);
        await verifier.verify(signed, sha256(request.body));
        const changes = [...everySingleChange(signed)];
        const tampered = changes[seed % changes.length];
        if (tampered) await expect(verifier.verify(tampered, sha256(request.body))).rejects.toThrow();
      }),
      { numRuns: 300 },
    );
  });
});

test('signatures of botocore, both forms', async () => {
  // It signs with the machine's clock.
  const lasting = {
    find: async (id: string) => ({ ...((await keys.find(id)) ?? ADMINISTRATOR), expiresAt: undefined }),
  };
  const today = createSignatureVerifier({ keys: lasting, region: REGION, services: ['athena', 's3'] });
  const cases = FORMS.map(([, plain, options]) => {
    const query = new URLSearchParams(plain.query as Record<string, string>).toString().replaceAll('+', '%20');
    const { key = ADMINISTRATOR, service = 'athena', expiresIn } = options;
    const url = `http://parthenon.test${plain.path}${query ? `?${query}` : ''}`;
    const { method, headers, body } = plain;
    return { method, headers, body: expiresIn ? undefined : body, url, key, service, expiresIn, region: REGION };
  });
  const python = join(runtimeFolder(), 'python', 'bin', 'python');
  const out = execFileSync(python, [join(import.meta.dirname, 'botocore_sign.py')], { input: JSON.stringify(cases) });
  const signed = JSON.parse(out.toString()) as { method: string; url: string; headers: Record<string, string> }[];
  expect(signed).toHaveLength(cases.length);
  for (const [index, { method, url, headers }] of signed.entries()) {
    const [path = '', rawQuery = ''] = url.slice('http://parthenon.test'.length).split('?');
    const [, plain, options] = FORMS[index] ?? expect.unreachable();
    const hash = headers['x-amz-content-sha256'] ?? payloadHash(plain, options);
    const request = { method, path, rawQuery, headers: { host: 'parthenon.test', ...headers } };
    const verified = await today.verify(request, hash);
    expect(verified.accessKeyId).toBe((options.key ?? ADMINISTRATOR).accessKeyId);
    await expect(today.verify({ ...request, path: `${path}x` }, hash)).rejects.toThrow(/does not match/);
  }
});

test("a request that is dated by HTTP's own Date header", async () => {
  const date = NOW.toUTCString();
  const signWith = (dated: string): SignedRequest => {
    const canonical = `GET\n/\n\ndate:${dated}\nhost:parthenon.test\n\ndate;host\n${sha256('')}`;
    const scope = `20260301/${REGION}/athena/aws4_request`;
    const parts = ['20260301', REGION, 'athena', 'aws4_request'];
    const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
    const key = parts.reduce<Buffer>(hmac, Buffer.from(`AWS4${ADMINISTRATOR.secretAccessKey}`));
    const signature = hmac(key, `AWS4-HMAC-SHA256\n20260301T120000Z\n${scope}\n${sha256(canonical)}`).toString('hex');
    const credential = `${ADMINISTRATOR.accessKeyId}/${scope}`;
    const authorization = `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=date;host,Signature=${signature}`;
    return { method: 'GET', path: '/', rawQuery: '', headers: { host: 'parthenon.test', date: dated, authorization } };
  };
  expect(await verifier.verify(signWith(date), sha256(''))).toMatchObject({ date: '20260301T120000Z' });
  expect(await refusalOf(signWith('1 March 2026, noon'))).toMatchObject({ name: 'IncompleteSignatureException' });
});

test('repeated headers fold as the client folded them', async () => {
  const request = await sign({ ...call, headers: { ...call.headers, 'x-twice': 'one,two' } });
  const headers = { ...request.headers, 'x-twice': ['one', 'two'] };
  await verifier.verify({ ...request, headers }, sha256(call.body ?? ''));
  await expect(
    verifier.verify({ ...request, headers: { ...headers, 'x-twice': ['two', 'one'] } }, sha256(call.body ?? '')),
  ).rejects.toThrow();
});

test('header bytes are read as the UTF-8 that the client signed', async () => {
  const request = await sign({ ...upload, headers: { 'x-amz-meta-name': 'café' } }, { service: 's3' });
  const asRead = Buffer.from('café', 'utf8').toString('latin1');
  await verifier.verify(withHeader('x-amz-meta-name', asRead)(request), sha256(upload.body ?? ''));
});

test('a key that comes back with another secret is not served by what was derived from the old one', async () => {
  let secretAccessKey = 'first';
  const changing = createSignatureVerifier({
    keys: { find: async () => ({ ...ADMINISTRATOR, secretAccessKey }) },
    region: REGION,
    services: ['athena'],
    now: () => NOW,
  });
  const bySecret = (secret: string) => sign(call, { key: { ...ADMINISTRATOR, secretAccessKey: secret } });
  await changing.verify(await bySecret('first'), sha256(call.body ?? ''));
  secretAccessKey = 'second';
  await changing.verify(await bySecret('second'), sha256(call.body ?? ''));
  await expect(changing.verify(await bySecret('first'), sha256(call.body ?? ''))).rejects.toThrow(/does not match/);
});

function strictEncode(text: string): string {
  const escapeOne = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, escapeOne);
}

function changedAt(text: string, index: number): string {
  return `${text.slice(0, index)}${text[index] === 'x' ? 'y' : 'x'}${text.slice(index + 1)}`;
}

/** Every request that differs from this one by one character in what is signed or signs. */
function* everySingleChange(request: SignedRequest): Generator<SignedRequest> {
  for (const part of ['method', 'path', 'rawQuery'] as const) {
    for (let index = 0; index < request[part].length; index += 1) {
      yield { ...request, [part]: changedAt(request[part], index) };
    }
  }
  for (const [name, value] of Object.entries(request.headers)) {
    const text = String(value);
    for (let index = 0; index < text.length; index += 1) yield withHeader(name, changedAt(text, index))(request);
  }
}
