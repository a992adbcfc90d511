/**
 * What happens here, as the rooms tell it to whoever listens (`telemetry/` counts it). It goes by Node's own diagnostics_channel, so
 * that no room knows who listens, and telling costs a function call that does nothing where nobody does. Nothing here names a
 * session, a calculation, a person or a key.
 */
import { type Channel, channel } from 'node:diagnostics_channel';

/** One kind of thing that happens. A listener must not throw: what it throws ends the process. */
export class Happening<Told extends object> {
  readonly #channel: Channel;

  /** @param name as other tools see it, e.g. one that is loaded by `node --import` */
  constructor(name: string) {
    this.#channel = channel(`parthenon:${name}`);
  }

  tell(told: Told): void {
    this.#channel.publish(told);
  }

  /** @returns what stops the listening */
  hear(listener: (told: Told) => void): () => void {
    const hear = (told: unknown) => listener(told as Told);
    this.#channel.subscribe(hear);
    return () => void this.#channel.unsubscribe(hear);
  }
}

/** Of what a session was made: a pool driver's very context, a pool driver's JVM, a pool driver that still warmed, a new one. */
export type StartKind = 'hot' | 'warm' | 'warming' | 'fresh';

/** The answer to an API call is out, or its connection gone. */
export interface CallAnswered {
  /** As the caller states it, unless one of ours took it. */
  readonly service: string;
  readonly operation: string | undefined;
  /** `ok`, the error's code, or `aborted`. */
  readonly code: string;
  readonly seconds: number;
  /** Of bodies, where the service counts them. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
}
export const callAnswered = new Happening<CallAnswered>('call.answered');

/** A connection: taken, gone, closed while idle to make room for another, or turned away for want of room. */
export const connection = new Happening<{ readonly step: 'opened' | 'closed' | 'evicted' | 'refused' }>('connection');

/** A session is IDLE for the first time; `seconds` since StartSession accepted it. */
export const sessionReady = new Happening<{ readonly kind: StartKind; readonly seconds: number }>('session.ready');

/** `refused`: for a reason that its user can act on. */
export const sessionStartFailed = new Happening<{ readonly cause: 'refused' | 'internal' }>('session.start-failed');

export const sessionEnded = new Happening<{ readonly state: 'TERMINATED' | 'FAILED' }>('session.ended');

/** A calculation's code is about to go to its driver; `waitedSeconds` since StartCalculationExecution accepted it. */
export const calculationBegun = new Happening<{ readonly waitedSeconds: number }>('calculation.begun');

/** `ranSeconds` from then until its results were in S3; undefined for one that never ran. */
export interface CalculationEnded {
  readonly state: 'COMPLETED' | 'FAILED' | 'CANCELED';
  readonly ranSeconds: number | undefined;
}
export const calculationEnded = new Happening<CalculationEnded>('calculation.ended');

/** A driver for the pool: launched, warm, or come to nothing. */
export const poolDriver = new Happening<{ readonly step: 'started' | 'warm' | 'failed' }>('pool.driver');

/** The state database has answered a statement, or refused it. */
export interface StoreAsked {
  /** `select`, `insert`, `update`, `delete`, `commit` or `other`. */
  readonly statement: string;
  readonly seconds: number;
  readonly failed: boolean;
}
export const storeAsked = new Happening<StoreAsked>('store.asked');

/** The state database went out of reach, or came back. */
export const storeReach = new Happening<{ readonly reachable: boolean }>('store.reach');

/** What the server itself did in S3, whichever S3 that is. */
export interface ObjectsUsed {
  readonly operation: string;
  readonly seconds: number;
  readonly failed: boolean;
  readonly writtenBytes: number;
}
export const objectsUsed = new Happening<ObjectsUsed>('objects.used');
