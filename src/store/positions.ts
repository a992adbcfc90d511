/**
 * Numbers that order rows by when they were made: microseconds since 1970, never the same twice in a process and never
 * going back with the clock. They fit a double exactly until the year 2255.
 */
let last = 0;

export function nextPosition(): number {
  last = Math.max(last + 1, Date.now() * 1000);
  return last;
}
