/** What terminals and viewers of logs obey, and JSON lets through as it is: C1 controls, line separators, turned directions of text. */
const OBEYED = /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A line of JSON that says the same, and that nobody who shows it takes for more than text. */
export function plainJsonLine(line: string): string {
  return line.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
