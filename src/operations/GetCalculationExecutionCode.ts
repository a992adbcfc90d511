import type { GetCalculationExecutionCodeRequest, GetCalculationExecutionCodeResponse } from '@aws-sdk/client-athena';
import { getCalculation } from '../sessions/calculations.ts';
import type { OperationContext } from './context.ts';

export async function getCalculationExecutionCodeOperation(
  context: OperationContext,
  input: GetCalculationExecutionCodeRequest,
): Promise<GetCalculationExecutionCodeResponse> {
  const calculation = await getCalculation(context.sessions, input.CalculationExecutionId as string);
  return { CodeBlock: calculation.code };
}
