import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One section of a page for users, or all of it. */
export interface DocumentedSamples {
  /** The section's JSON block. */
  readonly sparkProperties: Readonly<Record<string, string>>;
  /** Its shell blocks. */
  readonly shell: readonly string[];
  /** Its Python blocks, each with the text block that follows as what it prints. */
  readonly samples: readonly { readonly code: string; readonly prints: string }[];
}

/** Reads the samples of one `## section` of a page under docs/; of the whole page where none is named. @throws when there is no such section */
export function documentedSamples(page: string, section?: string): DocumentedSamples {
  const text = readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8');
  const found = section === undefined ? text : text.split(/^## /m).find((each) => each.startsWith(`${section}\n`));
  if (found === undefined) throw new Error(`${page} has no section ${section}`);
  const blocks = [...found.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, body = '']) => ({ language, body }));
  return {
    sparkProperties: JSON.parse(blocks.find(({ language }) => language === 'json')?.body ?? '{}'),
    shell: blocks.filter(({ language }) => language === 'sh').map(({ body }) => body),
    samples: blocks.flatMap(({ language, body }, at) => {
      const next = blocks[at + 1];
      return language === 'python' ? [{ code: body, prints: next?.language === 'text' ? next.body : '' }] : [];
    }),
  };
}
