import type { StartCalculationExecutionRequest, StartCalculationExecutionResponse } from '@aws-sdk/client-athena';
import { startCalculation } from '../sessions/calculations.ts';
import type { OperationContext } from './context.ts';

export async function startCalculationExecutionOperation(
  context: OperationContext,
  input: StartCalculationExecutionRequest,
): Promise<StartCalculationExecutionResponse> {
  const { calculationId, state } = await startCalculation(context.sessions, input);
  return { CalculationExecutionId: calculationId, State: state };
}
