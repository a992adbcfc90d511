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

const MAX_DEPTH = 16;

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
