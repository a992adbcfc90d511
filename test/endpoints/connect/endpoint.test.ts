import { expect, test } from 'vitest';
import { endpointUrl, isOfAnotherSession } from '../../../src/endpoints/connect/endpoint.ts';

const ID = '3f1c8a52-5a4b-4b57-9d0e-0d6c1f2f7a11';
const OTHER = '3f1c8a52-5a4b-4b57-9d0e-0d6c1f2f7a12';

test.each([
  ['https://spark.example.com:443', 'https://spark.example.com'],
  ['https://spark.example.com/', 'https://spark.example.com'],
  ['https://spark.example.com:8730', 'https://spark.example.com:8730'],
  ['http://127.0.0.1:8730', 'http://127.0.0.1:8730'],
  ['http://127.0.0.1:443', 'http://127.0.0.1:443'],
  ['https://*.spark.example.com:443', `https://${ID}.spark.example.com`],
])('a session behind %s has the endpoint %s', (endpoint, expected) => {
  expect(endpointUrl(endpoint, ID)).toBe(expected);
});

test.each([
  [`${OTHER}.spark.example.com:443`, true],
  [`${ID}.spark.example.com`, false],
  [`${ID.toUpperCase()}.spark.example.com`, false],
  ['spark.example.com', false],
  ['127.0.0.1:8730', false],
  [undefined, false],
])('a call to %s is for another session: %s', (authority, expected) => {
  expect(isOfAnotherSession(authority, ID)).toBe(expected);
});
