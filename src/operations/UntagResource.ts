import type { UntagResourceInput, UntagResourceOutput } from '@aws-sdk/client-athena';
import type { OperationContext } from './context.ts';

export async function untagResourceOperation(
  context: OperationContext,
  input: UntagResourceInput,
): Promise<UntagResourceOutput> {
  await context.tags.remove(input.ResourceARN as string, input.TagKeys ?? []);
  return {};
}
