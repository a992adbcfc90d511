import type { CreateWorkGroupInput, CreateWorkGroupOutput } from '@aws-sdk/client-athena';
import type { OperationContext } from './context.ts';

export async function createWorkGroupOperation(
  context: OperationContext,
  input: CreateWorkGroupInput,
): Promise<CreateWorkGroupOutput> {
  await context.workGroups.create(input);
  return {};
}
