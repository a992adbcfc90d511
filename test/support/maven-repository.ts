import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A module of the group `org.example`, in version 1.0. */
export interface Module {
  readonly name: string;
  /** The file that becomes its jar. */
  readonly jar: string;
  /** Names of modules that it needs. */
  readonly needs?: readonly string[];
}

/** Lays modules out as Maven does, below a folder. */
export function publish(repository: string, ...modules: readonly Module[]): void {
  for (const { name, jar, needs = [] } of modules) {
    const folder = join(repository, 'org', 'example', name, '1.0');
    mkdirSync(folder, { recursive: true });
    copyFileSync(jar, join(folder, `${name}-1.0.jar`));
    writeFileSync(join(folder, `${name}-1.0.pom`), pom(name, needs));
  }
}

/** Settings of Ivy that look in one repository and nowhere else. */
export function ivySettings(root: string): string {
  return `<ivysettings>
  <settings defaultResolver="only"/>
  <resolvers><ibiblio name="only" m2compatible="true" usepoms="true" root="${root}"/></resolvers>
</ivysettings>
`;
}

function pom(name: string, needs: readonly string[]): string {
  const coordinates = (artifact: string) =>
    `<groupId>org.example</groupId><artifactId>${artifact}</artifactId><version>1.0</version>`;
  const dependencies = needs.map((each) => `<dependency>${coordinates(each)}</dependency>`).join('');
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>${coordinates(name)}
  <dependencies>${dependencies}</dependencies>
</project>
`;
}
