import type { GetWorkGroupInput, GetWorkGroupOutput } from '@aws-sdk/client-athena';
import type { OperationContext } from './context.ts';

export async function getWorkGroupOperation(
  context: OperationContext,
  input: GetWorkGroupInput,
): Promise<GetWorkGroupOutput> {
  const workGroup = await context.workGroups.get(input.WorkGroup as string);
  return {
    WorkGroup: {
      Name: workGroup.name,
      State: workGroup.state,
      Description: workGroup.description,
      Configuration: workGroup.configuration,
      CreationTime: workGroup.createdAt,
    },
  };
}
