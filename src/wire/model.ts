import { readFileSync } from 'node:fs';

/** A reference to a shape, from a structure's member, a list or a map. */
export interface ShapeReference {
  readonly shape: string;
  readonly idempotencyToken?: boolean;
  readonly deprecated?: boolean;
  readonly sensitive?: boolean;
}

interface Named {
  readonly sensitive?: boolean;
  readonly deprecated?: boolean;
}

export interface StructureShape extends Named {
  readonly type: 'structure';
  /** In the model's order. */
  readonly members: Readonly<Record<string, ShapeReference>>;
  readonly required?: readonly string[];
  readonly exception?: boolean;
  readonly fault?: boolean;
}

export interface ListShape extends Named {
  readonly type: 'list';
  readonly member: ShapeReference;
  readonly min?: number;
  readonly max?: number;
}

export interface MapShape extends Named {
  readonly type: 'map';
  readonly key: ShapeReference;
  readonly value: ShapeReference;
  readonly min?: number;
  readonly max?: number;
}

export interface StringShape extends Named {
  readonly type: 'string';
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
}

export interface NumberShape extends Named {
  readonly type: 'integer' | 'long' | 'double' | 'float';
  readonly min?: number;
  readonly max?: number;
}

export interface OtherShape extends Named {
  readonly type: 'boolean' | 'timestamp' | 'blob';
}

export type Shape = StructureShape | ListShape | MapShape | StringShape | NumberShape | OtherShape;

export interface ModelOperation {
  /** Names of shapes. */
  readonly input: string;
  readonly output: string;
  readonly errors: readonly string[];
  readonly idempotent?: boolean;
  readonly readonly?: boolean;
}

export interface Model {
  readonly generatedBy: string;
  readonly metadata: { readonly targetPrefix: string; readonly apiVersion: string };
  readonly operations: Readonly<Record<string, ModelOperation>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

/** Athena's contract; `scripts/generate-model.ts` makes the file. */
export const model: Model = JSON.parse(readFileSync(new URL('./model.json', import.meta.url), 'utf8'));

/** The operation of that name, `undefined` for a name that Athena does not have (`toString` included). */
export function operationNamed(name: string): ModelOperation | undefined {
  return Object.hasOwn(model.operations, name) ? model.operations[name] : undefined;
}

/** @throws Error when the model has no such shape, which is a fault of the caller and not of a request */
export function shapeNamed(name: string): Shape {
  const shape = model.shapes[name];
  if (shape === undefined) throw new Error(`the model has no shape ${name}`);
  return shape;
}
