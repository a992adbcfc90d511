import type { ConnectContext } from '../endpoints/connect/session-endpoint.ts';
import type { DashboardContext } from '../endpoints/spark-ui/dashboard.ts';
import type { SessionsContext } from '../sessions/context.ts';
import type { Tags } from '../workgroups/tags.ts';
import type { WorkGroups } from '../workgroups/workgroups.ts';

/** The domain, as operations see it. */
export interface OperationContext {
  readonly sessions: SessionsContext;
  readonly workGroups: WorkGroups;
  readonly tags: Tags;
  readonly connect: ConnectContext;
  readonly dashboard: DashboardContext;
}
