import { describe, expect, test } from 'vitest';
import { signatureProblemOf } from '../../src/wire/signature-problem.ts';
import { asSigned, call, refusalOf, refusalWith, upload, verifier, verifierAt, withHeader } from './sigv4-requests.ts';
import { ADMINISTRATOR, NOW, sha256, sign, TEMPORARY } from './signing.ts';

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

test('a presigned URL that lacks a part is told which', async () => {
  const request = await sign({ method: 'GET', path: '/b/k' }, { service: 's3', expiresIn: 60 });
  const rawQuery = request.rawQuery.replace(/&X-Amz-SignedHeaders=[^&]+/, '');
  expect(await refusalOf({ ...request, rawQuery })).toMatchObject({
    name: 'IncompleteSignatureException',
    message: "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string parameters.",
  });
});
