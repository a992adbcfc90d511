/** What clients asked for and were told: against it the server is held after each round. */
import { createHash, randomUUID } from 'node:crypto';
import type { StartCalculationExecutionCommandInput, StartSessionCommandInput } from '@aws-sdk/client-athena';
import type { CalculationKind } from './plan.ts';

export interface SessionRecord {
  /** The whole request, its ClientRequestToken with it: repeated, it must give the same id. */
  readonly request: StartSessionCommandInput;
  readonly id: string;
  readonly calculations: CalculationRecord[];
  /** A client has seen it settled. */
  isStarted: boolean;
  /** A client has seen its end. */
  isEnded: boolean;
  /** Its end was asked for, so that it must come. */
  mustEnd: boolean;
  /** It may be TERMINATED: its end was asked for, or it has been idle for too long. */
  mayTerminate: boolean;
  /** It may be FAILED: its driver was struck, or something was while it was being started. */
  mayFail: boolean;
}

export interface CalculationRecord {
  readonly request: StartCalculationExecutionCommandInput;
  readonly id: string;
  /** What its code calls itself in the session's variable `runs`. */
  readonly name: string;
  readonly kind: CalculationKind;
  /** A stop was asked for. */
  mayCancel: boolean;
  /** The last one that a client has seen. */
  state?: string | undefined;
}

/** A name that no other calculation has. */
export function newName(): string {
  return randomUUID();
}

const MUCH = 200_000;

/** What each kind does; all count themselves in `runs`, and say at their end what is counted there. */
const BODIES: Readonly<Record<CalculationKind, string>> = {
  print: '',
  spark: 'assert spark.range(1000).selectExpr("sum(id)").first()[0] == 499500',
  sleep: 'import time\ntime.sleep(0.7)',
  much: `print("x" * ${MUCH})`,
  raise: 'raise ValueError("as told")',
  catalog: 'spark.sql("CREATE DATABASE IF NOT EXISTS faults")\nassert spark.catalog.databaseExists("faults")',
  endless: 'import time\nwhile True:\n    time.sleep(0.05)',
};

export function codeOf(name: string, kind: CalculationKind): string {
  return `runs = globals().get("runs", {})
runs["${name}"] = runs.get("${name}", 0) + 1
print("begun")
${BODIES[kind]}
import json
print(json.dumps(runs))`;
}

/** What stdout begins with; behind it is one line with `runs` as JSON. */
export function beginningOf(kind: CalculationKind): string {
  return kind === 'much' ? `begun\n${'x'.repeat(MUCH)}\n` : 'begun\n';
}

/** At least 32 characters, as Athena wants it. */
export function newToken(): string {
  return createHash('sha256').update(randomUUID()).digest('hex');
}

/** Something that was promised and is not so. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function promise(kept: boolean, what: () => string): asserts kept {
  if (!kept) throw new Violation(what());
}
