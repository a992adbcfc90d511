// Runs one of the project's TypeScript programs by Node 24, after the set-up that it needs:
//   node scripts/run.mjs [--spark] [--clients] PROGRAM.ts [ARGUMENTS]

import { resolve } from 'node:path';
import { become } from './setup/launch.mjs';
import { checkout } from './setup/paths.mjs';
import { setUpOrExit } from './setup/setup.mjs';

const args = process.argv.slice(2);
const program = args.findIndex((arg) => !arg.startsWith('--'));
if (program < 0) throw new Error('usage: node scripts/run.mjs [--spark] [--clients] PROGRAM.ts [ARGUMENTS]');
const needs = args.slice(0, program);

const node = await setUpOrExit({ spark: needs.includes('--spark'), clients: needs.includes('--clients') });
become(node, [resolve(checkout, String(args[program])), ...args.slice(program + 1)]);
