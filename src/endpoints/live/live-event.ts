import type { GetCalculationExecutionResponse, GetSessionStatusResponse } from '@aws-sdk/client-athena';

/** What a client that follows a calculation or a session is told; docs/live-output.md has the shapes. */
export type LiveEvent = {
  /** Where a client that comes back goes on, by `Last-Event-ID`. */
  readonly id: string;
} & (
  | { readonly event: 'state'; readonly operation: 'GetCalculationExecution'; output: GetCalculationExecutionResponse }
  | { readonly event: 'state'; readonly operation: 'GetSessionStatus'; output: GetSessionStatusResponse }
  | { readonly event: OutputName; readonly data: { readonly CalculationExecutionId: string; readonly Text: string } }
  | {
      readonly event: 'progress';
      readonly data: { readonly CalculationExecutionId: string; readonly Progress: string };
    }
  | { readonly event: 'end'; readonly data: object }
);

export type OutputName = 'stdout' | 'stderr';
