import type { GetResourceDashboardRequest, GetResourceDashboardResponse } from '@aws-sdk/client-athena';
import { getResourceDashboard } from '../endpoints/spark-ui/dashboard.ts';
import type { OperationContext } from './context.ts';

export async function getResourceDashboardOperation(
  context: OperationContext,
  input: GetResourceDashboardRequest,
): Promise<GetResourceDashboardResponse> {
  return { Url: await getResourceDashboard(context.dashboard, input.ResourceARN as string) };
}
