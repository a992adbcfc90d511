import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ServiceError } from '../../src/errors.ts';
import { runtimeFolder } from '../../src/runtime/runtime.ts';
import { signatureProblemOf } from '../../src/wire/signature-problem.ts';
import { createSignatureVerifier } from '../../src/wire/sigv4.ts';
import type { SignedRequest } from '../../src/wire/sigv4-parse.ts';
import { ADMINISTRATOR, keys, NOW, type Plain, REGION, type SignOptions, sha256, sign, TEMPORARY } from './signing.ts';

const verifierAt = (now: Date) =>
  createSignatureVerifier({ keys, region: REGION, services: ['athena', 's3'], now: () => now });
const verifier = verifierAt(NOW);

const call: Plain = {
  method: 'POST',
  path: '/',
  headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AmazonAthena.GetSession' },
  body: '{"SessionId":"s-1"}',
};
const upload: Plain = {
  method: 'PUT',
  path: '/bucket/a%20key/%C3%A9%2B.txt',
  query: { partNumber: '1', uploadId: 'a/b+c d=', 'x-id': 'UploadPart' },
  headers: { 'x-amz-meta-colour': 'red  and   blue' },
  body: 'bytes',
};

async function refusalOf(request: SignedRequest, body = '', at = verifier): Promise<ServiceError> {
  return at.verify(request, sha256(body)).then(
    () => expect.unreachable('the signature was accepted'),
    (error: ServiceError) => error,
  );
}

async function refusalWith(plain: Plain, options: SignOptions, change: (r: SignedRequest) => SignedRequest = (r) => r) {
  return refusalOf(change(await sign(plain, options)), plain.body);
}

const withHeader =
  (name: string, value: string | undefined) =>
  (request: SignedRequest): SignedRequest => ({ ...request, headers: { ...request.headers, [name]: value } });

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

/** The SDK's signer hashes the body of presigned URLs unless it is told not to. */
function asSigned(plain: Plain, options: SignOptions): Plain {
  if (!options.expiresIn) return plain;
  return { ...plain, headers: { ...plain.headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } };
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
    expect(verified.signingKey).toHaveLength(32);
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

describe('each fault has its own error, in words of AWS', () => {
  test('no signature', async () => {
    const error = await refusalOf({ method: 'POST', path: '/', rawQuery: '', headers: { host: 'parthenon.test' } });
    expect(error).toMatchObject({
      name: 'MissingAuthenticationTokenException',
      message: 'Missing Authentication Token',
    });
  });

  test.each([
    ['Basic dXNlcjpwYXNz', ['Credential', 'Signature', 'SignedHeaders']],
    ['AWS4-HMAC-SHA256', ['Credential', 'Signature', 'SignedHeaders']],
    ['AWS4-HMAC-SHA256 Credential=a/20260301/eu-central-1/athena/aws4_request', ['Signature', 'SignedHeaders']],
    ['AWS4-HMAC-SHA256 Signature=aa, SignedHeaders=host', ['Credential']],
    ['AWS4-HMAC-SHA256 Credential=, Signature=aa, SignedHeaders=host', ['Credential']],
  ])('Authorization: %s', async (authorization, missing) => {
    const error = await refusalOf({ method: 'POST', path: '/', rawQuery: '', headers: { authorization } });
    expect(error.name).toBe('IncompleteSignatureException');
    const parts = missing.map((part) => `Authorization header requires '${part}' parameter. `).join('');
    expect(error.message).toContain(
      `${parts}Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. `,
    );
    expect(error.message).toMatch(/Authorization=[A-Za-z0-9+/]{43}=$/);
    expect(error.message).not.toContain('dXNlcjpwYXNz');
  });

  test.each([
    ['key/20260301/eu-central-1/athena', /exactly 5 slash-delimited elements/],
    ['a/b/20260301/eu-central-1/athena/aws4_request', /exactly 5 slash-delimited elements/],
    ['AKIDADMINISTRATOR/20260301/eu-central-1/athena/aws5_request', /valid terminator: 'aws4_request'/],
    ['AKIDADMINISTRATOR/20260302/eu-central-1/athena/aws4_request', /Date in Credential scope does not match/],
  ])('Credential=%s', async (credential, message) => {
    const error = await refusalWith(call, {}, (request) => {
      const authorization = String(request.headers.authorization).replace(
        /Credential=[^,]+/,
        `Credential=${credential}`,
      );
      return withHeader('authorization', authorization)(request);
    });
    expect(error.message).toMatch(message);
  });

  test.each(['20260301', '2026-03-01T12:00:00Z', '20261301T120000Z', 'yesterday', ''])(
    'X-Amz-Date: %s',
    async (date) => {
      const error = await refusalWith(call, {}, withHeader('x-amz-date', date));
      expect(error).toMatchObject({ name: 'IncompleteSignatureException' });
      expect(error.message).toMatch(/^Date must be in ISO-8601 'basic format'\. Got /);
    },
  );

  test('another algorithm', async () => {
    const error = await refusalWith(call, {}, (request) =>
      withHeader('authorization', String(request.headers.authorization).replace('SHA256', 'SHA512'))(request),
    );
    expect(error).toMatchObject({
      name: 'IncompleteSignatureException',
      message: "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'.",
    });
  });

  test('an unknown key', async () => {
    const error = await refusalWith(call, { key: { ...ADMINISTRATOR, accessKeyId: 'AKIDNOBODY' } });
    expect(error).toMatchObject({
      name: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
    });
    expect(signatureProblemOf(error)).toEqual({ kind: 'unknown-key', accessKeyId: 'AKIDNOBODY' });
  });

  test('a wrong secret', async () => {
    const error = await refusalWith(call, { key: { ...ADMINISTRATOR, secretAccessKey: 'wrong' } });
    expect(error).toMatchObject({
      name: 'InvalidSignatureException',
      message:
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access ' +
        'Key and signing method. Consult the service documentation for details.',
    });
    expect(signatureProblemOf(error)).toEqual({ kind: 'mismatch' });
  });

  test.each([
    ['a region', { region: 'us-east-1' }, 'Credential should be scoped to a valid region.'],
    ['a service', { service: 'glue' }, "Credential should be scoped to correct service: 'athena', 's3'."],
  ])('the scope of %s that is not here', async (_, options, message) => {
    expect(await refusalWith(call, options)).toMatchObject({ name: 'InvalidSignatureException', message });
  });

  test('a temporary key without its token, with another, and a token with a lasting key', async () => {
    const invalid = { name: 'UnrecognizedClientException' };
    expect(await refusalWith(call, { key: { ...TEMPORARY, sessionToken: undefined } })).toMatchObject(invalid);
    expect(await refusalWith(call, { key: { ...TEMPORARY, sessionToken: 'other' } })).toMatchObject(invalid);
    expect(await refusalWith(call, { key: { ...ADMINISTRATOR, sessionToken: 'any' } })).toMatchObject(invalid);
  });

  test('a temporary key past its end', async () => {
    const later = new Date(NOW.getTime() + 3_600_000);
    const error = await refusalOf(await sign(call, { key: TEMPORARY, date: later }), call.body, verifierAt(later));
    expect(error).toMatchObject({
      name: 'ExpiredTokenException',
      message: 'The security token included in the request is expired',
    });
  });

  test.each(['host', 'x-amz-target', 'x-amz-date'])('%s that is not signed', async (name) => {
    const error = await refusalWith(call, {}, (request) => {
      const authorization = String(request.headers.authorization).replace(
        /(SignedHeaders=)([^,]+)/,
        (_, start, list) => {
          return (
            start +
            list
              .split(';')
              .filter((one: string) => one !== name)
              .join(';')
          );
        },
      );
      return withHeader('authorization', authorization)(request);
    });
    expect(error.name).toBe('InvalidSignatureException');
    expect(signatureProblemOf(error)).toEqual({ kind: 'headers-not-signed', headers: [name] });
  });

  test('an x-amz-* header that came to an S3 request on the way', async () => {
    const error = await refusalWith(upload, { service: 's3' }, withHeader('x-amz-acl', 'public-read'));
    expect(signatureProblemOf(error)).toEqual({ kind: 'headers-not-signed', headers: ['x-amz-acl'] });
  });
});

describe('time', () => {
  const minutesAfter = (minutes: number, seconds = 0) => new Date(NOW.getTime() + minutes * 60_000 + seconds * 1000);

  test.each([
    ['athena', 5],
    ['s3', 15],
  ])('%s allows clocks to differ by %d minutes', async (service, minutes) => {
    for (const date of [minutesAfter(-minutes), minutesAfter(minutes)]) {
      await verifier.verify(await sign(call, { service, date }), sha256(call.body ?? ''));
    }
    const early = await refusalWith(call, { service, date: minutesAfter(minutes, 1) });
    const late = await refusalWith(call, { service, date: minutesAfter(-minutes, -1) });
    expect(signatureProblemOf(early)).toMatchObject({ kind: 'not-yet-valid', allowedMillis: minutes * 60_000 });
    expect(signatureProblemOf(late)).toMatchObject({ kind: 'skewed', serverDate: NOW });
  });

  test('the messages name the instants that disagree', async () => {
    expect((await refusalWith(call, { date: minutesAfter(-6) })).message).toBe(
      'Signature expired: 20260301T115400Z is now earlier than 20260301T115500Z (20260301T120000Z - 5 min.)',
    );
    expect((await refusalWith(call, { date: minutesAfter(6) })).message).toBe(
      'Signature not yet current: 20260301T120600Z is still later than 20260301T120500Z (20260301T120000Z + 5 min.)',
    );
  });

  test('a presigned URL lives exactly as long as it says', async () => {
    const plain = asSigned({ method: 'GET', path: '/bucket/key' }, { expiresIn: 900 });
    const request = await sign(plain, { service: 's3', expiresIn: 900 });
    await verifierAt(minutesAfter(15)).verify(request, 'UNSIGNED-PAYLOAD');
    const error = await refusalOf(request, '', verifierAt(minutesAfter(15, 1)));
    expect(signatureProblemOf(error)).toMatchObject({ kind: 'expired', allowedMillis: 900_000 });
  });

  test.each(['0', '604801', '-1', '1.5', 'x', ''])('X-Amz-Expires=%s', async (expires) => {
    const error = await refusalWith({ method: 'GET', path: '/b/k' }, { service: 's3', expiresIn: 60 }, (request) => ({
      ...request,
      rawQuery: request.rawQuery.replace('X-Amz-Expires=60', `X-Amz-Expires=${expires}`),
    }));
    expect(error.name).toBe('IncompleteSignatureException');
  });
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

test('a presigned URL that lacks a part is told which', async () => {
  const request = await sign({ method: 'GET', path: '/b/k' }, { service: 's3', expiresIn: 60 });
  const rawQuery = request.rawQuery.replace(/&X-Amz-SignedHeaders=[^&]+/, '');
  expect(await refusalOf({ ...request, rawQuery })).toMatchObject({
    name: 'IncompleteSignatureException',
    message: "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string parameters.",
  });
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
