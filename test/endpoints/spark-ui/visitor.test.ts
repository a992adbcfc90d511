import type { IncomingMessage } from 'node:http';
import { describe, expect, it, test } from 'vitest';
import { cookie, isSecure, protection } from '../../../src/endpoints/spark-ui/visitor.ts';

const id = 'f0e1d2c3-0000-4000-8000-123456789abc';
const asked = (host: string | undefined, encrypted = false) =>
  ({ headers: { host }, socket: { encrypted } }) as unknown as IncomingMessage;
const policy = (...given: Parameters<typeof protection>) => protection(...given)['content-security-policy'] ?? '';

test('a cookie goes over TLS alone where browsers come by that', () => {
  expect(cookie('t', id, true)).toMatch(/; HttpOnly; SameSite=Lax; Secure$/);
  expect(cookie('t', id, false)).not.toContain('Secure');
  expect([isSecure(asked('x')), isSecure(asked('x', true))]).toEqual([false, true]);
  // A proxy before the server ends TLS, or begins it.
  expect(isSecure(asked('x'), 'https://athena.example.org')).toBe(true);
  expect(isSecure(asked('x', true), 'http://athena.example.org')).toBe(false);
});

describe('what pages may load', () => {
  it('lies below their session’s address, as the browser knows it', () => {
    expect(policy(asked('127.0.0.1:8730'), id)).toContain(`connect-src 127.0.0.1:8730/spark-ui/${id}/;`);
    const proxied = policy(asked('10.0.0.7'), id, 'https://athena.example.org');
    expect(proxied).toContain(`connect-src athena.example.org/spark-ui/${id}/;`);
    expect(proxied).not.toContain('10.0.0.7');
  });

  it.each([undefined, '', '[::1]:8730', "x; script-src *; a'b", 'x *'])(
    'is the server’s where the host cannot be named in a policy: %s',
    (host) => {
      expect(policy(asked(host), id)).toContain("connect-src 'self';");
      expect(policy(asked(host), id)).not.toContain('*');
    },
  );
});
