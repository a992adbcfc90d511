#!/usr/bin/env node
// The command of the project. Plain JavaScript that needs no package, since it is what brings the packages: makes sure
// of set-up, then becomes Node 24 with src/cli.ts.

import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error(
    `parthenon: Node 20 or later is needed, this is ${process.versions.node}; install one with: nvm install 24`,
  );
  process.exit(1);
}

/** Commands that start Spark; all others need Node packages only. `setup` does the set-up and nothing else. */
const SPARK_COMMANDS = new Set(['start', 'demo', 'setup']);

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const [command = 'help', ...rest] = process.argv.slice(2);
const { setUpOrExit } = await import('../scripts/setup/setup.mjs');
const { become } = await import('../scripts/setup/launch.mjs');

const node = await setUpOrExit({
  spark: SPARK_COMMANDS.has(command),
  clients: command === 'setup' && rest.includes('--tests'),
});
if (command !== 'setup') become(node, [join(checkout, 'src', 'cli.ts'), command, ...rest]);
