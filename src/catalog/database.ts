/** Where the metastore keeps its tables, as JDBC has it. */
export interface CatalogDatabase {
  readonly url: string;
  readonly driver: string;
  readonly user: string;
  readonly password: string;
}

/** Derby in the metastore's own process. It asks for no password: its files are the server's alone. */
export function embeddedDatabase(folder: string): CatalogDatabase {
  return {
    url: `jdbc:derby:;databaseName=${folder};create=true`,
    driver: 'org.apache.derby.jdbc.EmbeddedDriver',
    user: 'APP',
    password: 'mine',
  };
}

/**
 * @param url `postgresql://user:password@host:port/database?parameter=value`; the parameters are the JDBC driver's
 * (https://jdbc.postgresql.org/documentation/use/), such as `sslmode`
 * @throws TypeError for what is no URL
 */
export function postgresDatabase(url: string): CatalogDatabase {
  const { host, pathname, search, username, password } = new URL(url);
  return {
    url: `jdbc:postgresql://${host}${pathname}${search}`,
    driver: 'org.postgresql.Driver',
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}
