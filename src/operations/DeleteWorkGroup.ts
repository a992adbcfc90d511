import type { DeleteWorkGroupInput, DeleteWorkGroupOutput } from '@aws-sdk/client-athena';
import { workGroupContents } from '../sessions/contents.ts';
import type { OperationContext } from './context.ts';

export async function deleteWorkGroupOperation(
  context: OperationContext,
  input: DeleteWorkGroupInput,
): Promise<DeleteWorkGroupOutput> {
  const recursive = input.RecursiveDeleteOption ?? false;
  await context.workGroups.delete(input.WorkGroup as string, recursive, workGroupContents(context.sessions));
  return {};
}
