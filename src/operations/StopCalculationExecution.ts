import type { StopCalculationExecutionRequest, StopCalculationExecutionResponse } from '@aws-sdk/client-athena';
import { stopCalculation } from '../sessions/calculations.ts';
import type { OperationContext } from './context.ts';

export async function stopCalculationExecutionOperation(
  context: OperationContext,
  input: StopCalculationExecutionRequest,
): Promise<StopCalculationExecutionResponse> {
  return { State: await stopCalculation(context.sessions, input.CalculationExecutionId as string) };
}
