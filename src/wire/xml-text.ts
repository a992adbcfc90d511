/**
 * Text as it stands in an XML document. Line ends and other control characters become character references, as S3 has it:
 * a parser would turn a bare CR into LF, and XML 1.0 has no way to write most of the others. A key that holds one comes in
 * a document that strict parsers refuse, unless its reader asks for `encoding-type=url`; what they get is never another key.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html#AmazonS3-ListObjectsV2-request-querystring-EncodingType
 */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"\p{Cc}\ufffe\uffff]/gu, (character) => ENTITIES[character] ?? referenceTo(character));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** `&#x1;` */
function referenceTo(character: string): string {
  return `&#x${character.charCodeAt(0).toString(16)};`;
}
