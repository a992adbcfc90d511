import { XMLParser } from 'fast-xml-parser';
import { expect, test } from 'vitest';
import { escapeXml } from '../../src/wire/xml-text.ts';

test('text comes through a parser as it was', () => {
  const text = 'a&b <c> "d" \'e\' tab\tline\nreturn\r\u{1f600}';
  const parser = new XMLParser({ htmlEntities: true, trimValues: false, parseTagValue: false });
  expect(parser.parse(`<text>${escapeXml(text)}</text>`)).toEqual({ text });
});

test('what XML 1.0 has no way to write is a character reference, as in S3', () => {
  expect(escapeXml('\u0000|\u0001|\u001f|\ufffe|\uffff')).toBe('&#x0;|&#x1;|&#x1f;|&#xfffe;|&#xffff;');
});

test('line ends are written as S3 writes them', () => {
  expect(escapeXml('\r\n')).toBe('&#13;&#10;');
});
