import { XMLBuilder, XMLParser, XMLValidator } from 'fast-xml-parser';
import { escapeXml } from '../xml-text.ts';
import { malformedXml } from './s3-error.ts';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** A document to be written: text, or members; a list repeats its member; `undefined` members are left out. */
export type XmlValue = string | number | boolean | Date | undefined | readonly XmlValue[] | XmlMembers;
export interface XmlMembers {
  readonly [member: string]: XmlValue;
}

const builder = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  suppressEmptyNode: false,
  suppressBooleanAttributes: false,
  processEntities: false,
  tagValueProcessor: (_, value) => escapeXml(String(value)),
});

/** Writes a reply's document, in S3's namespace. */
export function writeXml(root: string, members: XmlMembers): string {
  return DECLARATION + builder.build({ [root]: { '@xmlns': NAMESPACE, ...plain(members) } });
}

/** Writes an error's document, which has no namespace. */
export function writeErrorXml(members: XmlMembers): string {
  return DECLARATION + builder.build({ Error: plain(members) });
}

type PlainValue = string | PlainValue[] | { [member: string]: PlainValue };

function plain(members: XmlMembers): { [member: string]: PlainValue } {
  const result: { [member: string]: PlainValue } = {};
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined) result[name] = plainValue(value);
  }
  return result;
}

function plainValue(value: Exclude<XmlValue, undefined>): PlainValue {
  if (value instanceof Date) return value.toISOString();
  if (isList(value)) return value.flatMap((item) => (item === undefined ? [] : [plainValue(item)]));
  return typeof value === 'object' ? plain(value) : String(value);
}

function isList(value: Exclude<XmlValue, undefined>): value is readonly XmlValue[] {
  return Array.isArray(value);
}

/** A document that was read: text, or members, each with every one of its values. */
export interface XmlElement {
  readonly text: string;
  all(member: string): readonly XmlElement[];
  /** The text of a member; `undefined` when it is absent. @throws S3Error MalformedXML when it is there twice */
  one(member: string): string | undefined;
}

const LESS_THAN = 0x3c;
const MAX_DEPTH = 16;
/**
 * The largest document of S3's, ten thousand parts with every checksum, has fewer tags; a key of a thousand escaped bytes is shorter.
 * Counted before anything is built: a million empty elements held the whole server for nine seconds.
 */
const MAX_TAGS = 200_000;
const MAX_BYTES_BETWEEN_TAGS = 64 * 1024;

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  removeNSPrefix: true,
  processEntities: true,
  htmlEntities: true,
  maxNestedTags: MAX_DEPTH,
  alwaysCreateTextNode: true,
  isArray: () => true,
});

/**
 * Reads a document whose root is `root`. Document types are refused, and with them every entity that a client could define.
 * @throws S3Error MalformedXML
 */
export function readXml(bytes: Uint8Array, root: string): XmlElement {
  if (!isOfReasonableForm(bytes)) throw malformedXml();
  let document: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (/<!(?:DOCTYPE|ENTITY)/i.test(text) || XMLValidator.validate(text) !== true) throw malformedXml();
    document = parser.parse(text);
  } catch {
    throw malformedXml();
  }
  const found = elementOf(document).all(root);
  if (found[0] === undefined || found.length > 1) throw malformedXml();
  return found[0];
}

function isOfReasonableForm(bytes: Uint8Array): boolean {
  let tags = 0;
  let last = 0;
  for (let tag = bytes.indexOf(LESS_THAN); tag !== -1; tag = bytes.indexOf(LESS_THAN, tag + 1)) {
    tags += 1;
    if (tags > MAX_TAGS || tag - last > MAX_BYTES_BETWEEN_TAGS) return false;
    last = tag;
  }
  return bytes.length - last <= MAX_BYTES_BETWEEN_TAGS;
}

function elementOf(node: unknown): XmlElement {
  const members = (typeof node === 'object' && node !== null ? node : { '#text': node }) as Record<string, unknown>;
  const all = (member: string): readonly XmlElement[] => {
    const values = Object.hasOwn(members, member) ? members[member] : [];
    return (Array.isArray(values) ? values : [values]).map(elementOf);
  };
  return {
    text: typeof members['#text'] === 'string' ? members['#text'] : '',
    all,
    one: (member) => {
      const found = all(member);
      if (found.length > 1) throw malformedXml();
      return found[0]?.text;
    },
  };
}
