import { expect, test } from 'vitest';
import { ADMINISTRATOR, sign } from './signing.ts';
import { startServer } from './support.ts';

async function callSts(url: string, body: string, secretAccessKey = ADMINISTRATOR.secretAccessKey) {
  const headers = { host: new URL(url).host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const options = { service: 'sts', date: new Date(), key: { ...ADMINISTRATOR, secretAccessKey } };
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
  ['another action', 'Action=AssumeRole', undefined, 400, 'InvalidAction'],
  ['no action', '', undefined, 400, 'InvalidAction'],
  ['a wrong secret', 'Action=GetCallerIdentity', 'wrong', 403, 'SignatureDoesNotMatch'],
])('%s is refused in XML', async (_, body, secret, status, code) => {
  const { url } = await startServer();
  const answer = await callSts(url, body, secret);
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
