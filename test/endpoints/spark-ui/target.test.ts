import { describe, expect, it, test } from 'vitest';
import { publicLocation, readTarget } from '../../../src/endpoints/spark-ui/target.ts';

const id = 'f0e1d2c3-0000-4000-8000-123456789abc';
const at = (rest: string) => readTarget(`/spark-ui/${id}${rest}`);

describe('a target', () => {
  it('is the path that Spark knows, and its query without the token', () => {
    expect(at('/stages/stage/?id=1&token=abc&attempt=0')).toEqual({
      sessionId: id,
      path: '/stages/stage/',
      query: '?id=1&attempt=0',
      token: 'abc',
    });
    expect(at('')).toEqual({ sessionId: id, path: '/', query: '', token: undefined });
    expect(at('/?token=a')).toMatchObject({ path: '/', query: '', token: 'a' });
    expect(at('/static/jquery-3.5.1.min.js')).toMatchObject({ path: '/static/jquery-3.5.1.min.js' });
  });

  it.each([
    '/spark-ui/',
    '/spark-ui/other/jobs/',
    `/spark-ui/${id}x/`,
    `/spark-ui/${id.toUpperCase()}/`,
    `//spark-ui/${id}/`,
  ])('is none without a session: %s', (url) => expect(readTarget(url)).toBeUndefined());

  it.each([
    '/..',
    '/../x',
    '/static/../../x',
    '/./jobs/',
    '/jobs//x',
    '//evil.example/',
    '/%2e%2e/x',
    '/a%2fb',
    '/jobs;x=1/',
    '/jobs\\x',
    '/jobs/%00',
    '/jobs/?a=b c',
    '/jobs/?a=\u0000',
  ])('has no path where Spark has no such page: %s', (rest) => {
    expect(at(rest)).toMatchObject({ sessionId: id, path: undefined });
  });
});

test.each([
  ['http://127.0.0.1:4040/jobs/', `/spark-ui/${id}/jobs/`],
  ['/stages/?x=1#y', `/spark-ui/${id}/stages/?x=1#y`],
  [`http://127.0.0.1:4040/spark-ui/${id}/jobs/`, `/spark-ui/${id}/jobs/`],
  ['//evil.example/', `/spark-ui/${id}/`],
  ['http://127.0.0.1:4040//evil.example/', `/spark-ui/${id}/evil.example/`],
])('the redirect %s leads to %s', (location, expected) => {
  expect(publicLocation(location, `/spark-ui/${id}`)).toBe(expected);
});
