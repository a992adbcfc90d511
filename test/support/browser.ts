import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Debian's; tests download no browser of their own. */
const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser that nobody has used before. */
export interface TestBrowser extends AsyncDisposable {
  readonly context: BrowserContext;
  /** What went wrong since it was last asked: scripts' errors, what the console calls one, requests that failed. */
  problems(): string[];
  /** Keeps a picture of a page, where somebody wants to look: PARTHENON_TEST_SCREENSHOTS names the folder. */
  picture(page: Page, name: string): Promise<void>;
}

export async function openBrowser(): Promise<TestBrowser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`These tests look at pages by ${CHROMIUM}, which is not there: apt-get install chromium`);
  }
  const profile = mkdtempSync(join(tmpdir(), 'parthenon-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: FLAGS,
    viewport: { width: 1400, height: 1000 },
  });
  let problems: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error') problems.push(`${message.page()?.url()}: ${message.text()}`);
  });
  context.on('weberror', (error) => problems.push(`${error.page()?.url()}: ${error.error().stack}`));
  context.on('requestfailed', (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`));
  context.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.url()}: ${response.status()}`);
  });
  return {
    context,
    problems: () => {
      const found = problems;
      problems = [];
      return found;
    },
    picture: async (page, name) => {
      const folder = process.env.PARTHENON_TEST_SCREENSHOTS;
      if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
    },
    [Symbol.asyncDispose]: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
