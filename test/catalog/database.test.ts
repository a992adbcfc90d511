import { expect, test } from 'vitest';
import { embeddedDatabase, postgresDatabase } from '../../src/catalog/database.ts';

test('a PostgreSQL URL becomes a JDBC one without its password', () => {
  expect(postgresDatabase('postgresql://me:p%40ss%2Fword@db.example.org:5433/catalog?sslmode=require')).toEqual({
    url: 'jdbc:postgresql://db.example.org:5433/catalog?sslmode=require',
    driver: 'org.postgresql.Driver',
    user: 'me',
    password: 'p@ss/word',
  });
  expect(postgresDatabase('postgres://me:x@[::1]/catalog').url).toBe('jdbc:postgresql://[::1]/catalog');
});

test('Derby lies in the folder that is given', () => {
  expect(embeddedDatabase('/home/me/catalog/derby').url).toBe(
    'jdbc:derby:;databaseName=/home/me/catalog/derby;create=true',
  );
});
