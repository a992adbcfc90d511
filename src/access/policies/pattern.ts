/** Stands in a pattern for any run of characters, none included. */
export const RUN = -1;
/** Stands in a pattern for any one character. */
export const ONE = -2;

/** Code points, and `RUN` and `ONE` between them. */
export type Pattern = readonly number[];

/** The code points of a text, none of which is a wildcard. */
export function literal(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) as number);
}

/**
 * Whether the whole text matches. It goes back to the last `*` only, so that no pattern takes longer than the product of both
 * lengths, which a regular expression made of it could.
 */
export function matches(pattern: Pattern, text: string): boolean {
  let at = 0;
  let place = 0;
  let run = -1;
  let runEnd = 0;
  while (place < text.length) {
    const expected = pattern[at];
    const point = text.codePointAt(place) as number;
    if (expected === ONE || expected === point) {
      at += 1;
      place += widthOf(point);
    } else if (expected === RUN) {
      run = at;
      runEnd = place;
      at += 1;
    } else if (run >= 0) {
      runEnd += widthOf(text.codePointAt(runEnd) as number);
      place = runEnd;
      at = run + 1;
    } else {
      return false;
    }
  }
  while (pattern[at] === RUN) at += 1;
  return at === pattern.length;
}

const COLON = 58;
const ARN_PARTS = 6;

/**
 * Whether an ARN matches as IAM's Arn operators have it: each of the six parts between colons for itself, so that a `*` in
 * the account does not reach into the resource.
 */
export function matchesArn(pattern: Pattern, arn: string): boolean {
  const actual = splitArn(arn);
  const expected = splitPattern(pattern);
  if (actual === undefined || expected === undefined) return false;
  return expected.every((part, index) => matches(part, actual[index] as string));
}

function splitArn(arn: string): string[] | undefined {
  const parts = arn.split(':');
  if (parts.length < ARN_PARTS) return undefined;
  return [...parts.slice(0, ARN_PARTS - 1), parts.slice(ARN_PARTS - 1).join(':')];
}

function splitPattern(pattern: Pattern): Pattern[] | undefined {
  const parts: number[][] = [[]];
  for (const token of pattern) {
    if (token === COLON && parts.length < ARN_PARTS) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.length === ARN_PARTS ? parts : undefined;
}

function widthOf(codePoint: number): number {
  return codePoint > 0xffff ? 2 : 1;
}
