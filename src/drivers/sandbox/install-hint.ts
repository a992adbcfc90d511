import { readFileSync } from 'node:fs';

/** How each family of systems calls the package; by ID and ID_LIKE of /etc/os-release. */
const COMMANDS: readonly (readonly [RegExp, string])[] = [
  [/\b(debian|ubuntu)\b/, 'apt-get install bubblewrap'],
  [/\b(fedora|rhel|centos|amzn)\b/, 'dnf install bubblewrap'],
  [/\b(suse|opensuse)\b/, 'zypper install bubblewrap'],
  [/\barch\b/, 'pacman -S bubblewrap'],
  [/\balpine\b/, 'apk add bubblewrap'],
];
const PAGE = 'docs/operators/isolation.md';

/**
 * What an operator can do, in one sentence.
 * @param problem what bubblewrap said when it was there
 */
export function installHint(problem?: string): string {
  if (problem === undefined) return `Install it as root: ${installCommand()}`;
  if (/unknown option/i.test(problem)) return `bubblewrap 0.8 or later is needed: ${installCommand()}`;
  if (/permission|not permitted|namespace|uid map|no space left/i.test(problem))
    return `This system does not let its users make namespaces; ${PAGE} says how to allow it`;
  return `See ${PAGE}`;
}

function installCommand(): string {
  const release = osRelease();
  return COMMANDS.find(([pattern]) => pattern.test(release))?.[1] ?? 'the package is called bubblewrap';
}

function osRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8')
      .split('\n')
      .filter((line) => /^ID(_LIKE)?=/.test(line))
      .join(' ');
  } catch {
    return '';
  }
}
