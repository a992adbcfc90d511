import { readFileSync } from 'node:fs';
import { type AccessDocument, AccessDocumentError, checkName } from '../directory/document.ts';
import { PolicyError, parsePolicy } from '../policies/policy.ts';
import { type AccessCommands, type HomeOption, recordNamed } from './commands.ts';

/** Whose policies: exactly one of the two. */
interface OwnerOptions extends HomeOption {
  readonly user?: string;
  readonly role?: string;
}

export function addPolicyCommands({ command, change, read }: AccessCommands): void {
  const ofOwner = (name: string, description: string) =>
    command(name, description)
      .option('--user <name>', 'the user whose policy it is')
      .option('--role <name>', 'the role whose policy it is');

  ofOwner(
    'attach-policy <name> <file>',
    'attach a policy, in AWS’s JSON, under a name; replaces the one of that name',
  ).action(async (name: string, file: string, options: OwnerOptions) => {
    const policy = readPolicyFile(file);
    await change(options, (document) => {
      policiesOf(document, options)[checkName(name)] = policy;
    });
  });

  ofOwner('detach-policy <name>', 'take a policy away').action(
    async (name: string, options: OwnerOptions) =>
      await change(options, (document) => {
        const policies = policiesOf(document, options);
        recordNamed(policies, 'policy', name);
        delete policies[name];
      }),
  );

  ofOwner('list-policies', 'names of the attached policies').action((options: OwnerOptions) => {
    for (const name of Object.keys(policiesOf(read(options), options))) console.log(name);
  });

  ofOwner('show-policy <name>', 'print a policy').action((name: string, options: OwnerOptions) => {
    const policy = recordNamed(policiesOf(read(options), options), 'policy', name);
    console.log(JSON.stringify(policy, undefined, 2));
  });
}

/** @throws AccessDocumentError with the file and the place in it that cannot be */
export function readPolicyFile(file: string): unknown {
  try {
    const text = readFileSync(file, 'utf8');
    parsePolicy(text);
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof PolicyError) throw new AccessDocumentError(`${file} is no policy: ${error.message}`);
    throw error;
  }
}

function policiesOf({ users, roles }: AccessDocument, { user, role }: OwnerOptions): Record<string, unknown> {
  if ((user === undefined) === (role === undefined)) throw new AccessDocumentError('Give either --user or --role.');
  const owner = user === undefined ? recordNamed(roles, 'role', role as string) : recordNamed(users, 'user', user);
  return owner.policies;
}
