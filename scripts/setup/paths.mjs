import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the checkout that this file belongs to. */
export const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * The folder that set-up fills beside `node_modules`: `PARTHENON_RUNTIME`, else `runtime` in the checkout.
 * `src/runtime/runtime.ts` reads the same setting.
 */
export function runtimeFolder() {
  return process.env.PARTHENON_RUNTIME ? resolve(process.env.PARTHENON_RUNTIME) : join(checkout, 'runtime');
}
