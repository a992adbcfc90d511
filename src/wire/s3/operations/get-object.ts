import type { OpenObject } from '../../../objects/embedded/open-object.ts';
import { checkReadConditions, READ_CONDITIONS } from '../conditions.ts';
import { objectHeaders } from '../object-headers.ts';
import { type ByteRange, rangeOf } from '../ranges.ts';
import { invalidArgument, invalidRequest, S3Error } from '../s3-error.ts';
import { objectOf, partNumberOf, type ReplyStream, type S3Call, type S3Reply } from '../s3-call.ts';

/** Query parameters that replace headers of the reply. */
const RESPONSE_OVERRIDES = {
  'response-cache-control': 'Cache-Control',
  'response-content-disposition': 'Content-Disposition',
  'response-content-encoding': 'Content-Encoding',
  'response-content-language': 'Content-Language',
  'response-content-type': 'Content-Type',
  'response-expires': 'Expires',
} as const;

export async function getObject(call: S3Call): Promise<S3Reply> {
  const object = await call.store.open(objectOf(call));
  try {
    const { status, headers, range } = describe(call, object);
    const length = range.end - range.start + 1;
    return { status, headers, body: streamOf(object, range, length) };
  } catch (error) {
    await object[Symbol.asyncDispose]();
    throw error;
  }
}

export async function headObject(call: S3Call): Promise<S3Reply> {
  await using object = await call.store.open(objectOf(call));
  const { status, headers } = describe(call, object);
  return { status, headers };
}

function streamOf(object: OpenObject, { start, end }: ByteRange, length: number): ReplyStream {
  return {
    length,
    bytes: () => object.read(start, end),
    [Symbol.asyncDispose]: () => object[Symbol.asyncDispose](),
  };
}

/** What a read answers, before its bytes: conditions first, then the range. */
function describe(
  call: S3Call,
  object: OpenObject,
): { status: number; headers: Record<string, string>; range: ByteRange } {
  const { record } = object;
  checkReadConditions(call.headers, READ_CONDITIONS, record);
  const whole: ByteRange = { start: 0, end: record.size - 1 };
  const part = partOf(call, object);
  const asked = part ?? rangeOf(call.headers.range, record.size);
  const range = asked ?? whole;
  // A checksum is the whole object's: with some of its bytes a client would find it wrong.
  const headers = objectHeaders(record, asked === undefined && wantsChecksum(call));
  headers['Content-Length'] = String(range.end - range.start + 1);
  if (asked !== undefined && record.size > 0) {
    headers['Content-Range'] = `bytes ${range.start}-${range.end}/${record.size}`;
  }
  if (part !== undefined && object.partCount !== undefined) headers['x-amz-mp-parts-count'] = String(object.partCount);
  return { status: asked === undefined ? 200 : 206, headers: { ...headers, ...overridesOf(call) }, range };
}

function partOf(call: S3Call, object: OpenObject): ByteRange | undefined {
  const value = call.query.get('partNumber');
  if (value === null) return undefined;
  if (call.headers.range !== undefined)
    throw invalidRequest('Cannot specify both Range header and partNumber query parameter');
  const number = partNumberOf(call);
  const simple = object.partCount === undefined && number === 1;
  const range = simple ? { start: 0, end: object.record.size - 1 } : object.partRange(number);
  if (range === undefined || (object.partCount === undefined && number > 1)) {
    throw new S3Error('InvalidPartNumber', 'The requested partnumber is not satisfiable', {
      PartNumberRequested: value,
    });
  }
  return range;
}

function wantsChecksum(call: S3Call): boolean {
  return String(call.headers['x-amz-checksum-mode']).toUpperCase() === 'ENABLED';
}

function overridesOf(call: S3Call): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [parameter, header] of Object.entries(RESPONSE_OVERRIDES)) {
    const value = call.query.get(parameter);
    if (value === null) continue;
    if (/[^\t\x20-\x7e]/.test(value)) throw invalidArgument('Header value cannot be represented.', parameter, value);
    headers[header] = value;
  }
  return headers;
}
