/** One SQL statement, run by Spark in a calculation that prints its rows. */
import type { RunOptions } from './commands.ts';
import { readInput, runCode } from './run.ts';

/** Rows of a table for people. */
const TABLE_ROWS = 1000;

/** Each prints `rows`, a DataFrame. Only what a table shows is held whole. */
const PRINTERS = {
  table: `
    rows.show(${TABLE_ROWS}, truncate=False)`,
  csv: `
    import csv, sys
    lines = csv.writer(sys.stdout, lineterminator="\\n")
    lines.writerow(rows.columns)
    def cell(value):
        value = plain(value)
        if value is None: return ""
        if isinstance(value, bool): return str(value).lower()
        return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value
    for row in rows.toLocalIterator(prefetchPartitions=True): lines.writerow([cell(value) for value in row])`,
  json: `
    separator = "["
    for row in rows.toLocalIterator(prefetchPartitions=True):
        print(separator, json.dumps({name: plain(value) for name, value in zip(rows.columns, row)}, ensure_ascii=False), sep="\\n", end="")
        separator = ","
    print("[]" if separator == "[" else "\\n]")`,
};

/** `parthenon sql` */
export async function runSql(
  statement: string | undefined,
  { file, format, ...options }: RunOptions & { file?: string; format: string },
): Promise<void> {
  if (file !== undefined && statement !== undefined) throw new Error('Give a statement or --file, not both');
  const given = statement !== undefined && statement !== '-';
  const sql = given
    ? statement
    : await readInput(file ?? statement, 'Give an SQL statement, or pipe one to standard input');
  if (sql.trim() === '') throw new Error('There is no SQL to run');
  await runCode(codeOf(sql.trim().replace(/;$/, ''), format as keyof typeof PRINTERS), {
    ...options,
    outputDir: '.',
    name: 'sql',
  });
}

/** Python that leaves nothing behind in the session. What JSON writes as a string Python reads as the same. */
function codeOf(sql: string, format: keyof typeof PRINTERS): string {
  return `def __parthenon_sql(statement):
    import base64, json, math
    from datetime import date, datetime
    from pyspark.sql import Row
    def plain(value):
        if isinstance(value, Row): return {name: plain(inner) for name, inner in value.asDict().items()}
        if isinstance(value, dict): return {str(plain(name)): plain(inner) for name, inner in value.items()}
        if isinstance(value, (list, tuple)): return [plain(inner) for inner in value]
        if isinstance(value, (bytes, bytearray)): return base64.b64encode(value).decode()
        if isinstance(value, (date, datetime)): return value.isoformat()
        if value is None or isinstance(value, (bool, int, str)): return value
        return value if isinstance(value, float) and math.isfinite(value) else str(value)
    rows = spark.sql(statement)
    if not rows.columns: return${PRINTERS[format]}
try:
    __parthenon_sql(${JSON.stringify(sql)})
except Exception as error:
    raise error.with_traceback(None) from None
finally:
    del __parthenon_sql
`;
}
