import { InvalidRequestException, SerializationException } from '../errors.ts';

/**
 * Values that one request may hold in its lists, maps and structures, all counted together. No list of the model that has
 * a bound may have more than a hundred; the maps without a bound (Spark properties) would otherwise hold the whole server
 * while they are read, validated and stored: 200,000 properties took it four seconds.
 */
export const MAX_VALUES = 10_000;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a request's body; an empty one is an empty input, as AWS has it.
 * @throws SerializationException when it is no JSON; nothing of the body is repeated, since it may hold secrets
 * @throws InvalidRequestException when it holds more values than one request may
 */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) return {};
  const text = textOf(body);
  // A value takes a byte at least.
  if (body.length > MAX_VALUES && holdsMoreValues(body, MAX_VALUES)) {
    throw new InvalidRequestException(
      `The request holds too many values: its lists, maps and structures may have ${MAX_VALUES} together.`,
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new SerializationException('The request body is not valid JSON.');
  }
}

function textOf(body: Buffer): string {
  try {
    return strictUtf8.decode(body);
  } catch {
    throw new SerializationException('The request body is not valid UTF-8.');
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const OPENING_BRACE = 0x7b;

/**
 * Counts before anything is built of the body: a value follows every comma and opens with every list, map and structure.
 * What stands in strings does not count.
 */
function holdsMoreValues(body: Buffer, limit: number): boolean {
  let values = 0;
  let inString = false;
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index];
    if (byte === QUOTE) inString = !inString;
    else if (inString) index += byte === BACKSLASH ? 1 : 0;
    else if (byte === COMMA || byte === OPENING_BRACKET || byte === OPENING_BRACE) values += 1;
    if (values > limit) return true;
  }
  return false;
}
