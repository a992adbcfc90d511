import type { ListCalculationExecutionsRequest, ListCalculationExecutionsResponse } from '@aws-sdk/client-athena';
import { getSessionOfCalculations } from '../sessions/calculations.ts';
import { describeCalculationStatus } from '../sessions/describe.ts';
import { listCalculations } from '../store/calculations.ts';
import type { OperationContext } from './context.ts';

export async function listCalculationExecutionsOperation(
  context: OperationContext,
  input: ListCalculationExecutionsRequest,
): Promise<ListCalculationExecutionsResponse> {
  const session = await getSessionOfCalculations(context.sessions, input.SessionId as string);
  const page = await listCalculations(context.sessions.database, session.id, {
    state: input.StateFilter,
    limit: input.MaxResults ?? 100,
    token: input.NextToken,
  });
  const calculations = page.rows.map((row) => ({
    CalculationExecutionId: row.id,
    Description: row.description ?? undefined,
    Status: describeCalculationStatus(row),
  }));
  return { Calculations: calculations, NextToken: page.nextToken };
}
