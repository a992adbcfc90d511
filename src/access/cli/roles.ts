import { AccessDocumentError, checkName } from '../directory/document.ts';
import { roleArn } from '../directory/directory.ts';
import { newId } from '../ids.ts';
import { type AccessCommands, type HomeOption, mustBeNew, parseTags, recordNamed } from './commands.ts';
import { readPolicyFile } from './policies.ts';

interface RoleOptions extends HomeOption {
  readonly policy?: string;
  readonly passableBy?: string[];
  readonly path?: string;
  readonly tag?: string[];
}

export function addRoleCommands({ command, change, read, config }: AccessCommands): void {
  command('create-role <name>', 'a role for sessions to act with (ExecutionRole)')
    .option('--policy <file>', 'what it may do, in JSON; attached under the name of the role')
    .option('--passable-by <user...>', 'users who may pass it without iam:PassRole in a policy of theirs')
    .option('--path <path>', 'between role and name in its ARN, e.g. /service-role/')
    .option('--tag <key=value...>', 'tags, which policies read as aws:PrincipalTag/key')
    .action(async (name: string, options: RoleOptions) => {
      const policies = options.policy === undefined ? {} : { [name]: readPolicyFile(options.policy) };
      const tags = parseTags(options.tag ?? []);
      const { passableBy = [], path = '/' } = options;
      await change(options, (document) => {
        const { users, roles } = document;
        mustBeNew(roles, 'role', checkName(name));
        for (const user of passableBy) recordNamed(users, 'user', user);
        const createdAt = new Date().toISOString();
        document.onlyTheseRoles = true;
        roles[name] = { id: newId('AROA'), createdAt, path, passableBy, tags, policies };
      });
      console.log(roleArn(config(options).accountId, name, path));
    });

  command('list-roles', 'roles with their policies and who may pass them').action((options: HomeOption) => {
    const { accountId } = config(options);
    for (const [name, role] of Object.entries(read(options).roles)) {
      const parts = [
        roleArn(accountId, name, role.path),
        `policies: ${Object.keys(role.policies).join(', ') || 'none'}`,
        `passable by: ${role.passableBy.join(', ') || 'those whose policies say iam:PassRole'}`,
      ];
      console.log(parts.join('  '));
    }
  });

  command('accept-any-role', 'once no role is left: let any ARN stand for the default role again').action(
    async (options: HomeOption) =>
      await change(options, (document) => {
        const [left] = Object.keys(document.roles);
        if (left !== undefined)
          throw new AccessDocumentError(`There are roles still, e.g. ${left}. Delete them first.`);
        document.onlyTheseRoles = false;
      }),
  );

  command('delete-role <name>', 'remove a role; sessions that act with it reach nothing from then on').action(
    async (name: string, options: HomeOption) =>
      await change(options, ({ roles }) => {
        recordNamed(roles, 'role', name);
        delete roles[name];
      }),
  );

  command('allow-pass <role> <user...>', 'let users pass a role').action(
    async (name: string, names: string[], options: HomeOption) =>
      await change(options, ({ users, roles }) => {
        const role = recordNamed(roles, 'role', name);
        for (const user of names) recordNamed(users, 'user', user);
        role.passableBy = [...new Set([...role.passableBy, ...names])];
      }),
  );

  command('forbid-pass <role> <user...>', 'take that away again').action(
    async (name: string, names: string[], options: HomeOption) =>
      await change(options, ({ roles }) => {
        const role = recordNamed(roles, 'role', name);
        role.passableBy = role.passableBy.filter((user) => !names.includes(user));
      }),
  );
}
