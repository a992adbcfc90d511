import type { GetCalculationExecutionRequest, GetCalculationExecutionResponse } from '@aws-sdk/client-athena';
import { settledCalculation } from '../sessions/settled.ts';
import { describeCalculation } from '../sessions/describe.ts';
import type { OperationContext } from './context.ts';

export async function getCalculationExecutionOperation(
  context: OperationContext,
  input: GetCalculationExecutionRequest,
): Promise<GetCalculationExecutionResponse> {
  const calculation = await settledCalculation(context.sessions, input.CalculationExecutionId as string);
  return await describeCalculation(context.sessions, calculation);
}
