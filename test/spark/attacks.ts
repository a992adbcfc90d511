import { expect } from 'vitest';

/** What an attack got, by its name: `refused: …`, or what it reached. */
export type Spoils = Readonly<Record<string, string>>;

/** Python that tries each of the attacks, functions without arguments by name, and prints what they got. */
export const TRY_ALL = `
import json
from concurrent.futures import ThreadPoolExecutor
def try_one(attack):
    try:
        return f"REACHED {attack()!r}"[:300]
    except Exception as error:
        return f"refused: {error}".splitlines()[0][:300]
def try_all(attacks):
    with ThreadPoolExecutor(36) as pool:
        print(json.dumps(dict(zip(attacks, pool.map(try_one, attacks.values())))))
`;

export function expectAllRefused(spoils: Spoils, count: number): void {
  expect(Object.entries(spoils).filter(([, got]) => !got.startsWith('refused: '))).toEqual([]);
  expect(Object.keys(spoils)).toHaveLength(count);
}
