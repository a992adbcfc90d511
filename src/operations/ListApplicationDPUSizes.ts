import type { ListApplicationDPUSizesInput, ListApplicationDPUSizesOutput } from '@aws-sdk/client-athena';
import { applicationDpuSizes } from '../sessions/dpus.ts';
import { pageOfList } from '../store/paging.ts';
import type { OperationContext } from './context.ts';

export async function listApplicationDPUSizesOperation(
  _context: OperationContext,
  input: ListApplicationDPUSizesInput,
): Promise<ListApplicationDPUSizesOutput> {
  const page = pageOfList('dpu-sizes', applicationDpuSizes(), {
    limit: input.MaxResults ?? 100,
    token: input.NextToken,
  });
  return { ApplicationDPUSizes: [...page.rows], NextToken: page.nextToken };
}
