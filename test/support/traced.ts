import type { ListWorkGroupsCommand } from '@aws-sdk/client-athena';

/** The same command with its caller's trace, as an instrumented client sends it. */
export function traced<Sent extends { readonly middlewareStack: unknown }>(command: Sent, traceparent: string): Sent {
  const stack = command.middlewareStack as ListWorkGroupsCommand['middlewareStack'];
  stack.add(
    (next) => (input) => {
      (input.request as { headers: Record<string, string> }).headers.traceparent = traceparent;
      return next(input);
    },
    { step: 'build' },
  );
  return command;
}
