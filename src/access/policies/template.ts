import type { RequestContext } from './context.ts';
import { literal, ONE, type Pattern, RUN } from './pattern.ts';

/** A policy variable: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`. */
interface Variable {
  /** In lower case. */
  readonly key: string;
  readonly fallback: string | undefined;
}

/** A text of a policy that may hold wildcards and variables, read once. */
export interface Template {
  /** @returns the pattern for this request; `undefined` where a variable has no value in it */
  resolve(context: RequestContext): Pattern | undefined;
}

export interface TemplateOptions {
  /** Whether `*` and `?` are wildcards. */
  readonly wildcards: boolean;
  /** Whether `${…}` is read: from policy version 2012-10-17 on. */
  readonly variables: boolean;
}

/** What a variable may look like; its key has a service and a name. */
const VARIABLE = /^([\w-]+:[^,'{}]+?)\s*(?:,\s*'([^']*)')?$/;
const ESCAPED = new Set(['*', '?', '$']);

/**
 * Reads a text of a policy. What a variable stands for counts as it is: a `*` in a user's name is no wildcard.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 *
 * @throws SyntaxError for a `${…}` that is no variable, with its text
 */
export function parseTemplate(text: string, { wildcards, variables }: TemplateOptions): Template {
  const parts = (variables ? text.split(/(\$\{[^}]*\}?)/) : [text]).map((part) =>
    variables && part.startsWith('${') ? parseVariable(part) : parseText(part, wildcards),
  );
  if (parts.every((part) => Array.isArray(part))) {
    const pattern = parts.flat();
    return { resolve: () => pattern };
  }
  return { resolve: (context) => resolveParts(parts, context) };
}

function resolveParts(parts: readonly (number[] | Variable)[], context: RequestContext): Pattern | undefined {
  const pattern: number[] = [];
  for (const part of parts) {
    if (Array.isArray(part)) {
      pattern.push(...part);
      continue;
    }
    const value = context(part.key) ?? part.fallback;
    // A key of many values is no variable: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    if (typeof value !== 'string') return undefined;
    pattern.push(...literal(value));
  }
  return pattern;
}

function parseText(text: string, wildcards: boolean): number[] {
  return Array.from(text, (character) => {
    if (wildcards && character === '*') return RUN;
    if (wildcards && character === '?') return ONE;
    return character.codePointAt(0) as number;
  });
}

function parseVariable(text: string): number[] | Variable {
  const inner = text.slice(2, -1);
  if (text.endsWith('}')) {
    if (ESCAPED.has(inner)) return literal(inner);
    const [, key, fallback] = VARIABLE.exec(inner) ?? [];
    if (key !== undefined) return { key: key.toLowerCase(), fallback };
  }
  throw new SyntaxError(`${text} is no policy variable`);
}
