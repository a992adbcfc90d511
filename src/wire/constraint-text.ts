import { type Shape, type ShapeReference, shapeNamed } from './model.ts';

/** AWS's sentences for constraints and its way to write values, so that its users' eyes and programs know them again. */

const MAX_SHOWN_CHARACTERS = 131_072;

export type ConstraintKind = 'null' | 'enum' | 'pattern' | 'min' | 'max';

/** One constraint of a shape as AWS words it, e.g. `Member must have length less than or equal to 68000`. */
export function constraintText(shape: Shape, kind: ConstraintKind): string {
  const limits = 'min' in shape || 'max' in shape ? shape : { min: undefined, max: undefined };
  const measure = shape.type === 'string' || shape.type === 'list' || shape.type === 'map' ? 'length' : 'value';
  switch (kind) {
    case 'null':
      return 'Member must not be null';
    case 'enum':
      return `Member must satisfy enum value set: [${(shape as { enum?: readonly string[] }).enum?.join(', ')}]`;
    case 'pattern':
      return `Member must satisfy regular expression pattern: ${(shape as { pattern?: string }).pattern}`;
    case 'min':
      return `Member must have ${measure} greater than or equal to ${limits.min}`;
    case 'max':
      return `Member must have ${measure} less than or equal to ${limits.max}`;
  }
}

/** All constraints of a list's member or of a map's key or value: AWS names them all when one fails. */
export function allConstraints(shapeName: string): string {
  const shape = shapeNamed(shapeName);
  const texts: string[] = [];
  for (const kind of ['max', 'min', 'pattern', 'enum'] as const) {
    if (kind in shape) texts.push(constraintText(shape, kind));
  }
  if (shape.type === 'list') texts.push(`Member must satisfy constraint: ${allConstraints(shape.member.shape)}`);
  return `[${texts.join(', ')}]`;
}

/** `Value '…'` as a failure begins; a sensitive value is not shown, and AWS then leaves the quotes out as well. */
export function shownValue(reference: ShapeReference, value: unknown): string {
  if (value === undefined || value === null) return 'Value null';
  if (isSensitive(reference)) return 'Value';
  const text = textOf(reference, value);
  return `Value '${text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text}'`;
}

function isSensitive(reference: ShapeReference): boolean {
  return reference.sensitive === true || shapeNamed(reference.shape).sensitive === true;
}

/** Collections as Java prints them: `[a, b]`, `{k=v}`, `Tag(key=a, value=b)`. */
function textOf(reference: ShapeReference, value: unknown): string {
  if (value === null) return 'null';
  if (isSensitive(reference)) return '***Sensitive Data Redacted***';
  const shape = shapeNamed(reference.shape);
  if (shape.type === 'list') return `[${(value as unknown[]).map((item) => textOf(shape.member, item)).join(', ')}]`;
  if (shape.type === 'map') {
    const pairs = Object.entries(value as object).map(([key, item]) => `${key}=${textOf(shape.value, item)}`);
    return `{${pairs.join(', ')}}`;
  }
  if (shape.type === 'structure') {
    const given = value as Record<string, unknown>;
    const members = Object.entries(shape.members).filter(([name]) => given[name] !== undefined);
    const pairs = members.map(([name, member]) => `${memberName(name)}=${textOf(member, given[name])}`);
    return `${reference.shape}(${pairs.join(', ')})`;
  }
  return String(value);
}

/** AWS writes members with a small first letter in the paths of its messages. */
export function memberName(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
