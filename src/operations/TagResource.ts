import type { TagResourceInput, TagResourceOutput } from '@aws-sdk/client-athena';
import type { OperationContext } from './context.ts';

export async function tagResourceOperation(
  context: OperationContext,
  input: TagResourceInput,
): Promise<TagResourceOutput> {
  await context.tags.add(input.ResourceARN as string, input.Tags ?? []);
  return {};
}
