/** docs/operators/metrics.md and dashboard.json name what a server really tells, and all of it. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Scrape, scrape } from '../support/exposition.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const operators = resolve(import.meta.dirname, '..', '..', 'docs', 'operators');
const page = readFileSync(join(operators, 'metrics.md'), 'utf8');

let server: TestServer;
let told: Scrape;

beforeAll(async () => {
  server = await startTestServer();
  // So that every family has a sample, and labels can be seen.
  await server.athena.send(new ListWorkGroupsCommand({}));
  told = await scrape(server);
});
afterAll(async () => {
  await server.remove();
});

const metricsIn = (text: string) => [...new Set(text.match(/\b(?:parthenon|process|nodejs)_\w+/g) ?? [])];

describe('the page of metrics', () => {
  it('names every metric of ours, with its labels', () => {
    for (const [name, { samples }] of told.families) {
      if (!name.startsWith('parthenon_')) continue;
      const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``));
      expect(row, name).toBeDefined();
      const labels = Object.keys(samples[0]?.labels ?? {}).filter((label) => label !== 'le');
      if (labels.length > 0) expect(row).toContain(`| \`${name}\` {${labels.join(', ')}} |`);
    }
  });

  it('names none that is not there, in its alerts neither', () => {
    const names = new Set([...told.names, ...told.families.keys()]);
    // What only begins so: the page says which these are.
    const others = ['process_', 'nodejs_'];
    expect(metricsIn(page).filter((name) => !names.has(name) && !others.includes(name))).toEqual([]);
  });
});

const target = z.object({ refId: z.string(), expr: z.string().min(1), datasource: z.object({ uid: z.string() }) });
const gridPos = z.object({
  h: z.int().min(1),
  w: z.int().min(1).max(24),
  x: z.int().min(0).max(23),
  y: z.int().min(0),
});
const panel = z.object({
  id: z.int(),
  title: z.string().min(1),
  type: z.enum(['row', 'timeseries', 'stat']),
  gridPos,
  targets: z.array(target).optional(),
});
/** As much of Grafana's schema as is used: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */
const dashboard = z.object({
  uid: z.string().max(40),
  title: z.string(),
  schemaVersion: z.int().min(36),
  time: z.object({ from: z.string(), to: z.string() }),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.enum(['datasource', 'query']) })) }),
  panels: z.array(panel).min(1),
});

describe('the dashboard', () => {
  const { panels, templating } = dashboard.parse(JSON.parse(readFileSync(join(operators, 'dashboard.json'), 'utf8')));
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  it('queries metrics that are there, by labels that they have', () => {
    expect(expressions.length).toBeGreaterThan(20);
    for (const expression of expressions) {
      expect(
        metricsIn(expression).filter((name) => !told.names.has(name)),
        expression,
      ).toEqual([]);
      const selected = [...expression.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner = '']) =>
        inner.match(/\w+(?==|!=)/g),
      );
      const grouped = [...expression.matchAll(/by \(([^)]*)\)/g)].flatMap(([, inner = '']) => inner.split(/, ?/));
      const [metric = ''] = metricsIn(expression);
      for (const label of [...selected, ...grouped]) {
        if (label === null || label === 'instance') continue; // Prometheus' own
        expect(labelsOf(metric), `${label} of ${metric}`).toContain(label);
      }
    }
  });

  it('shows every metric of ours', () => {
    const shown = new Set(expressions.flatMap(metricsIn));
    const families = [...told.families].filter(([name]) => name.startsWith('parthenon_') && name !== 'parthenon_info');
    const missing = families.filter(([name]) => !['', '_bucket', '_count'].some((end) => shown.has(name + end)));
    expect(missing.map(([name]) => name)).toEqual([]);
  });

  it('has no two panels in one place, each with an id, and only variables that it defines', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    const defined = templating.list.map(({ name }) => name);
    const used = expressions.flatMap((expression) => expression.match(/(?<=\$)\w+/g) ?? []);
    expect([...new Set(used)].filter((name) => !name.startsWith('__') && !defined.includes(name))).toEqual([]);
  });

  function labelsOf(metric: string): string[] {
    const name = metric.replace(/_(bucket|count|sum)$/, '');
    const { samples = [] } = told.families.get(metric) ?? told.families.get(name) ?? {};
    return Object.keys(samples[0]?.labels ?? {});
  }
});
