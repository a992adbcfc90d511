import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { forbiddenPaths, pathsNamed } from '../../src/spark-properties/local-paths.ts';

const root = mkdtempSync(join(tmpdir(), 'parthenon-paths-'));
const allowed = join(root, 'allowed');
mkdirSync(allowed);
writeFileSync(join(allowed, 'a.jar'), '');
writeFileSync(join(root, 'secret.jar'), '');
symlinkSync(join(root, 'secret.jar'), join(allowed, 'link.jar'));
afterAll(() => rmSync(root, { recursive: true }));

const forbidden = (name: string, value: string) => forbiddenPaths({ [name]: value }, [allowed]);

describe('forbiddenPaths', () => {
  it.each([
    ['spark.jars', `${allowed}/a.jar`],
    ['spark.jars', `file:${allowed}/a.jar, s3://bucket/b.jar,https://example.org/c.jar`],
    ['spark.jars', `file://${allowed}/*.jar`],
    ['spark.archives', `${allowed}/a.jar#env`],
    ['spark.driver.extraClassPath', `${allowed}/a.jar:${allowed}/*`],
    ['spark.jars.packages', 'org.example:a:1'],
  ])('lets %s=%s pass', (name, value) => {
    expect(forbidden(name, value)).toEqual([]);
  });

  it.each([
    ['spark.jars', '/etc/passwd'],
    ['spark.jars', `${allowed}/../secret.jar`],
    ['spark.jars', `${allowed}/link.jar`],
    ['spark.jars', `FILE:${root}/secret.jar`],
    ['spark.jars', `${root}/allow*/../secret.jar`],
    ['spark.jars', `${allowed}/missing.jar`],
    ['spark.files', `s3://bucket/a,${root}/secret.jar`],
    ['spark.submit.pyFiles', 'relative.py'],
    ['spark.driver.extraClassPath', `${allowed}/a.jar:${root}/secret.jar`],
    ['spark.jars.ivySettings', `${root}/secret.jar`],
  ])('names what is wrong with %s=%s', (name, value) => {
    expect(forbidden(name, value)).toHaveLength(1);
    expect(forbidden(name, value)[0]).toContain('PARTHENON_ALLOWED_PATHS');
  });

  it('allows nothing where no folder is allowed', () => {
    expect(forbiddenPaths({ 'spark.jars': `${allowed}/a.jar` }, [])).toHaveLength(1);
  });
});

describe('pathsNamed', () => {
  it('tells what of this machine an operator’s properties name, as they name it', () => {
    const named = pathsNamed({
      'spark.jars': `${allowed}/link.jar, s3://bucket/b.jar,file://${root}/with%20space/*.jar#x`,
      'spark.driver.extraClassPath': `${root}/one:${root}/two/*`,
      'spark.app.name': '/no/path',
    });
    expect(named).toEqual([join(allowed, 'link.jar'), `${root}/with space/`, join(root, 'one'), `${root}/two`]);
  });
});
