import { checkName } from '../directory/document.ts';
import { userArn } from '../directory/directory.ts';
import { newId } from '../ids.ts';
import { type AccessCommands, type HomeOption, mustBeNew, parseTags, recordNamed } from './commands.ts';

export function addUserCommands({ command, change, read, config }: AccessCommands): void {
  command('create-user <name>', 'a user, who may do nothing until a policy is attached')
    .option('--tag <key=value...>', 'tags, which policies read as aws:PrincipalTag/key')
    .action(async (name: string, options: HomeOption & { tag?: string[] }) => {
      const tags = parseTags(options.tag ?? []);
      await change(options, ({ users }) => {
        mustBeNew(users, 'user', checkName(name));
        const createdAt = new Date().toISOString();
        users[name] = { id: newId('AIDA'), enabled: true, createdAt, tags, policies: {}, keys: {} };
      });
      console.log(userArn(config(options).accountId, name));
    });

  command('list-users', 'users with their state, keys and policies').action((options: HomeOption) => {
    for (const [name, user] of Object.entries(read(options).users)) {
      const keys = Object.entries(user.keys).map(([id, key]) => (key.enabled ? id : `${id} (disabled)`));
      const parts = [
        name,
        user.enabled ? 'enabled' : 'disabled',
        `keys: ${keys.join(', ') || 'none'}`,
        `policies: ${Object.keys(user.policies).join(', ') || 'none'}`,
      ];
      console.log(parts.join('  '));
    }
  });

  for (const [verb, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    command(`${verb}-user <name>`, `${verb} a user with all of their keys`).action(
      async (name: string, options: HomeOption) =>
        await change(options, ({ users }) => {
          recordNamed(users, 'user', name).enabled = enabled;
        }),
    );
  }

  command('delete-user <name>', 'remove a user with their keys and policies').action(
    async (name: string, options: HomeOption) =>
      await change(options, ({ users, roles }) => {
        recordNamed(users, 'user', name);
        delete users[name];
        // A later user of that name is somebody else.
        for (const role of Object.values(roles)) role.passableBy = role.passableBy.filter((user) => user !== name);
      }),
  );

  command('tag-user <name> <key=value...>', 'set tags of a user').action(
    async (name: string, pairs: string[], options: HomeOption) =>
      await change(options, ({ users }) => {
        Object.assign(recordNamed(users, 'user', name).tags, parseTags(pairs));
      }),
  );

  command('untag-user <name> <key...>', 'remove tags of a user').action(
    async (name: string, keys: string[], options: HomeOption) =>
      await change(options, ({ users }) => {
        const { tags } = recordNamed(users, 'user', name);
        for (const key of keys) delete tags[key];
      }),
  );
}
