/** `parthenon access …`: users, their keys, roles and policies. A running server follows every change at once. */
import type { Command } from 'commander';
import type { Config } from '../../config.ts';
import { accessFile, changeAccessFile, readAccessFile } from '../directory/access-file.ts';
import { type AccessDocument, AccessDocumentError } from '../directory/document.ts';
import { addKeyCommands } from './keys.ts';
import { addPolicyCommands } from './policies.ts';
import { addRoleCommands } from './roles.ts';
import { addUserCommands } from './users.ts';

/** What the commands share. */
export interface AccessCommands {
  /** A command that knows `--home`. */
  command(name: string, description: string): Command;
  read(options: HomeOption): AccessDocument;
  /** Changes the file; what is thrown leaves it as it was. */
  change<T>(options: HomeOption, change: (document: AccessDocument) => T): Promise<T>;
  config(options: HomeOption): Config;
}

export interface HomeOption {
  readonly home?: string;
}

/** @param load settings, with this home where one is given */
export function addAccessCommands(program: Command, load: (home: string | undefined) => Config): void {
  const access = program.command('access').description('users, keys, roles and policies: who may do what');
  const commands: AccessCommands = {
    command: (name, description) =>
      access.command(name).description(description).option('--home <folder>', 'folder that holds all state'),
    config: ({ home }) => load(home),
    read: ({ home }) => readAccessFile(accessFile(load(home).home)),
    change: async ({ home }, change) => await changeAccessFile(load(home).home, change),
  };
  addUserCommands(commands);
  addKeyCommands(commands);
  addRoleCommands(commands);
  addPolicyCommands(commands);
}

/** @throws AccessDocumentError for a name that is not there */
export function recordNamed<T>(records: Readonly<Record<string, T>>, kind: string, name: string): T {
  const found = Object.hasOwn(records, name) ? records[name] : undefined;
  if (found === undefined) throw new AccessDocumentError(`There is no ${kind} ${name}.`);
  return found;
}

/** @throws AccessDocumentError for a name that is there already */
export function mustBeNew(records: Readonly<Record<string, unknown>>, kind: string, name: string): void {
  if (Object.hasOwn(records, name)) throw new AccessDocumentError(`There is a ${kind} ${name} already.`);
}

/** `team=data` pairs. @throws AccessDocumentError for what is none */
export function parseTags(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      if (equals < 1) throw new AccessDocumentError(`${pair} is no tag: write key=value.`);
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}
