import type { ListTagsForResourceInput, ListTagsForResourceOutput } from '@aws-sdk/client-athena';
import type { OperationContext } from './context.ts';

export async function listTagsForResourceOperation(
  context: OperationContext,
  input: ListTagsForResourceInput,
): Promise<ListTagsForResourceOutput> {
  const page = await context.tags.list(input.ResourceARN as string, {
    limit: input.MaxResults ?? 75,
    token: input.NextToken,
  });
  return { Tags: page.rows.map((tag) => ({ Key: tag.key, Value: tag.value })), NextToken: page.nextToken };
}
