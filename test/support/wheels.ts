import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { locateRuntime } from '../../src/runtime/runtime.ts';

const ZIP = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    for name, text in json.load(sys.stdin).items():
        wheel.writestr(name, text)
`;

export interface WheelContents {
  /** Texts by path, e.g. `greeting.py`. */
  readonly files: Readonly<Record<string, string>>;
  /** Names of what it needs. */
  readonly requires?: readonly string[];
  /** Commands that it brings, e.g. `greeting = greeting:main`. */
  readonly scripts?: readonly string[];
}

/** Writes a wheel that pip installs without fetching anything. @returns its path */
export function writeWheel(folder: string, name: string, version: string, contents: WheelContents): string {
  const path = join(folder, `${name}-${version}-py3-none-any.whl`);
  const info = `${name}-${version}.dist-info`;
  const requires = (contents.requires ?? []).map((each) => `Requires-Dist: ${each}\n`).join('');
  const files = {
    ...contents.files,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${requires}`,
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    [`${info}/RECORD`]: '',
    ...(contents.scripts && { [`${info}/entry_points.txt`]: `[console_scripts]\n${contents.scripts.join('\n')}\n` }),
  };
  execFileSync(locateRuntime().python, ['-c', ZIP, path], { input: JSON.stringify(files) });
  return path;
}
