import { expect, test } from 'vitest';
import type { AccessKey } from '../../src/access/principal.ts';
import { ADMINISTRATOR, keys, sign, TEMPORARY } from './signing.ts';
import { startServer } from './support.ts';

const EXPIRED: AccessKey = { ...TEMPORARY, expiresAt: new Date(0) };

async function callSts(url: string, body: string, key: AccessKey = ADMINISTRATOR) {
  const headers = { host: new URL(url).host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const options = { service: 'sts', date: new Date(), key };
  const signed = await sign({ method: 'POST', path: '/', headers, body }, options);
  const { host: _, ...sent } = signed.headers as Record<string, string>;
  const response = await fetch(url, { method: 'POST', headers: sent, body });
  return { status: response.status, text: await response.text() };
}

test('GetCallerIdentity tells who signed', async () => {
  const { url } = await startServer();
  const { status, text } = await callSts(url, 'Action=GetCallerIdentity&Version=2011-06-15');
  expect(status).toBe(200);
  expect(text).toContain('<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">');
  expect(text).toContain('<Arn>arn:aws:iam::123456789012:root</Arn>');
  expect(text).toContain('<UserId>123456789012</UserId><Account>123456789012</Account>');
});

test.each([
  ['another action', 'Action=GetSessionToken', undefined, 400, 'InvalidAction'],
  ['a role where nobody gives one', 'Action=AssumeRole', undefined, 400, 'InvalidAction'],
  ['no action', '', undefined, 400, 'InvalidAction'],
  ['a wrong secret', 'Action=GetCallerIdentity', { secretAccessKey: 'wrong' }, 403, 'SignatureDoesNotMatch'],
  ['an unknown key', 'Action=GetCallerIdentity', { accessKeyId: 'AKIDNOBODY' }, 403, 'InvalidClientTokenId'],
  ['an expired session', 'Action=GetCallerIdentity', EXPIRED, 403, 'ExpiredToken'],
])('%s is refused in XML', async (_, body, change, status, code) => {
  const { url } = await startServer({
    keys: { find: async (id) => (id === EXPIRED.accessKeyId ? EXPIRED : keys.find(id)) },
  });
  const answer = await callSts(url, body, { ...ADMINISTRATOR, ...change });
  expect(answer.status).toBe(status);
  expect(answer.text).toContain(`<Type>Sender</Type><Code>${code}</Code>`);
});

test('what the caller wrote comes back escaped', async () => {
  const { url } = await startServer();
  expect((await callSts(url, 'Action=%3Cscript%3E')).text).toContain('operation &lt;script&gt;');
});

test('a form beyond reason is refused', async () => {
  const { url } = await startServer();
  const { status, text } = await callSts(url, `Action=${'x'.repeat(70_000)}`);
  expect(status).toBe(413);
  expect(text).toContain('<Code>RequestEntityTooLargeException</Code>');
});
