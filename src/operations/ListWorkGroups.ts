import type { ListWorkGroupsInput, ListWorkGroupsOutput } from '@aws-sdk/client-athena';
import type { OperationContext } from './context.ts';

export async function listWorkGroupsOperation(
  context: OperationContext,
  input: ListWorkGroupsInput,
): Promise<ListWorkGroupsOutput> {
  const page = await context.workGroups.list({ limit: input.MaxResults ?? 50, token: input.NextToken });
  const summaries = page.rows.map((workGroup) => ({
    Name: workGroup.name,
    State: workGroup.state,
    Description: workGroup.description,
    CreationTime: workGroup.createdAt,
    EngineVersion: workGroup.configuration.EngineVersion,
  }));
  return { WorkGroups: summaries, NextToken: page.nextToken };
}
