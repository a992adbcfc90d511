"""Times PySpark's Spark Connect client at two addresses, in turn: `connect.py <url> <url> <queries> <megabytes>`; prints JSON."""

import json
import sys
import time

from pyspark.sql.connect.session import SparkSession

*urls, queries, megabytes = sys.argv[1:]
sessions = [SparkSession.builder.remote(url).create() for url in urls]
samples = [{"queries": [], "arrow": []} for _ in sessions]


def query(session):
    session.sql("SELECT 1").collect()


def arrow(session, size):
    """Reads `size` MB as they come, without the cost of making rows or a frame of them."""
    rows = session.range(0, size * 1000, 1, max(1, size // 4)).selectExpr("repeat('x', 990) || id AS text")
    received = sum(
        part.nbytes for part in session.client.to_table_as_iterator(rows._plan.to_proto(session.client)) if hasattr(part, "nbytes")
    )
    assert received > size * 990_000, received


def timed(work, *arguments):
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


for session in sessions * 5:
    query(session)
for _ in range(int(queries)):
    for session, kept in zip(sessions, samples):
        kept["queries"].append(1000 * timed(query, session))
for session in sessions:
    arrow(session, max(1, int(megabytes) // 10))
for _ in range(3):
    for session, kept in zip(sessions, samples):
        kept["arrow"].append(timed(arrow, session, int(megabytes)))
print(json.dumps(samples))
