import type {
  GetCalculationExecutionStatusRequest,
  GetCalculationExecutionStatusResponse,
} from '@aws-sdk/client-athena';
import { settledCalculation } from '../sessions/settled.ts';
import { describeCalculationStatus, describeStatistics } from '../sessions/describe.ts';
import type { OperationContext } from './context.ts';

export async function getCalculationExecutionStatusOperation(
  context: OperationContext,
  input: GetCalculationExecutionStatusRequest,
): Promise<GetCalculationExecutionStatusResponse> {
  const calculation = await settledCalculation(context.sessions, input.CalculationExecutionId as string);
  return {
    Status: describeCalculationStatus(calculation),
    Statistics: await describeStatistics(context.sessions, calculation),
  };
}
