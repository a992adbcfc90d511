import type { CallSource } from '../access/call.ts';
import type { Principal } from '../access/principal.ts';

/** What an operation knows of the call beside its input. */
export interface CallContext {
  readonly principal: Principal;
  readonly requestId: string;
  /** Where the call comes from, which policies may ask for. */
  readonly source?: CallSource;
  /** Told the ARN that the call is about, or `*`; set where calls are audited. */
  readonly noteResource?: ((arn: string) => void) | undefined;
}

/** One API operation: validated input in, output in the shapes of `@aws-sdk/client-athena` out. */
export type Operation<Input, Output> = (input: Input, call: CallContext) => Promise<Output>;

/** Operations by their AWS name, as `wire` sees them; `undefined` for one of the model that is not built yet. */
export type OperationTable = Readonly<Record<string, Operation<object, object> | undefined>>;
