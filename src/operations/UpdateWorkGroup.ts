import type { UpdateWorkGroupInput, UpdateWorkGroupOutput } from '@aws-sdk/client-athena';
import type { OperationContext } from './context.ts';

export async function updateWorkGroupOperation(
  context: OperationContext,
  input: UpdateWorkGroupInput,
): Promise<UpdateWorkGroupOutput> {
  await context.workGroups.update(input);
  return {};
}
