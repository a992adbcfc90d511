import type { GetSessionEndpointRequest, GetSessionEndpointResponse } from '@aws-sdk/client-athena';
import { getSessionEndpoint } from '../endpoints/connect/session-endpoint.ts';
import type { OperationContext } from './context.ts';

export async function getSessionEndpointOperation(
  context: OperationContext,
  input: GetSessionEndpointRequest,
): Promise<GetSessionEndpointResponse> {
  const { url, token, expiresAt } = await getSessionEndpoint(context.connect, input.SessionId as string);
  return { EndpointUrl: url, AuthToken: token, AuthTokenExpirationTime: expiresAt };
}
