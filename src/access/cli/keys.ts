import { type AccessDocument, AccessDocumentError, type KeyRecord, type UserRecord } from '../directory/document.ts';
import { masterKeyOf, newAccessKeyId, newSecretAccessKey } from '../keys.ts';
import { sealSecret } from '../secrets.ts';
import { type AccessCommands, type HomeOption, recordNamed } from './commands.ts';

export function addKeyCommands({ command, change, config }: AccessCommands): void {
  command('create-key <user>', 'a key pair; its secret is shown this once').action(
    async (name: string, options: HomeOption) => {
      const masterKey = masterKeyOf(config(options).home);
      printPair(await change(options, ({ users }) => addKey(recordNamed(users, 'user', name), masterKey)));
    },
  );

  command('rotate-key <id>', 'a new key pair of the same user; the old one is disabled').action(
    async (id: string, options: HomeOption) => {
      const masterKey = masterKeyOf(config(options).home);
      const pair = await change(options, (document) => {
        const { user, key } = keyNamed(document, id);
        key.enabled = false;
        return addKey(user, masterKey);
      });
      printPair(pair);
    },
  );

  for (const [verb, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    command(`${verb}-key <id>`, `${verb} a key`).action(
      async (id: string, options: HomeOption) =>
        await change(options, (document) => {
          keyNamed(document, id).key.enabled = enabled;
        }),
    );
  }

  command('delete-key <id>', 'remove a key').action(
    async (id: string, options: HomeOption) =>
      await change(options, (document) => {
        delete keyNamed(document, id).user.keys[id];
      }),
  );
}

interface NewPair {
  readonly id: string;
  readonly secret: string;
}

function addKey(user: UserRecord, masterKey: Buffer): NewPair {
  const id = newAccessKeyId();
  const secret = newSecretAccessKey();
  user.keys[id] = { enabled: true, createdAt: new Date().toISOString(), secret: sealSecret(masterKey, id, secret) };
  return { id, secret };
}

/** As AWS's clients take them. */
function printPair({ id, secret }: NewPair): void {
  console.log(`export AWS_ACCESS_KEY_ID=${id}\nexport AWS_SECRET_ACCESS_KEY=${secret}`);
}

function keyNamed({ users }: AccessDocument, id: string): { user: UserRecord; key: KeyRecord } {
  for (const user of Object.values(users)) {
    const key = Object.hasOwn(user.keys, id) ? user.keys[id] : undefined;
    if (key !== undefined) return { user, key };
  }
  throw new AccessDocumentError(`There is no key ${id}. \`parthenon access list-users\` shows users with their keys.`);
}
