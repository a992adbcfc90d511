import type { ListEngineVersionsInput, ListEngineVersionsOutput } from '@aws-sdk/client-athena';
import { pageOfList } from '../store/paging.ts';
import { listEngineVersions } from '../workgroups/engine-versions.ts';
import type { OperationContext } from './context.ts';

export async function listEngineVersionsOperation(
  _context: OperationContext,
  input: ListEngineVersionsInput,
): Promise<ListEngineVersionsOutput> {
  const page = pageOfList('engine-versions', listEngineVersions(), {
    limit: input.MaxResults ?? 10,
    token: input.NextToken,
  });
  return { EngineVersions: [...page.rows], NextToken: page.nextToken };
}
