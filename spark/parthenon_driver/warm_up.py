"""What a driver does while it waits: it uses what nearly every session uses, once, and then holds a context ready.

The throw-away contexts make the JVM warm, their end included. The one that follows is used by nobody: where a session's
properties are such that it can take them (src/spark-properties/), it becomes the session's.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from .context import adopt_context, base_properties, create_context, forget_file_systems, open_session, stop_context
from .event_log import await_event_log
from .launch import Launch
from .rehearsal import one_object
from .s3 import s3_properties

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


#: As sessions have it. Only what asks for a database or a table would reach for a metastore.
_PLAIN = {
    "spark.app.name": "warm-up",
    "spark.sql.catalogImplementation": "hive",
    # By it `ADD JAR 's3://…'` reaches S3: a JVM takes one only, and it keeps the keys of the context that sets it.
    "spark.sql.defaultUrlStreamHandlerFactory.enabled": "false",
}
_ICEBERG = "org.apache.iceberg.spark"
#: What sessions with properties of their own most often have. No tables: each format has thousands of classes.
_CUSTOM = {
    **_PLAIN,
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.io.encryption.enabled": "true",
    "spark.sql.extensions": f"{_ICEBERG}.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.local": f"{_ICEBERG}.SparkCatalog",
    "spark.sql.catalog.local.type": "hadoop",
}


def warm_up(launch: Launch) -> None:
    """Makes the JVM warm by two throw-away contexts; what is left is skipped as soon as a session waits."""
    _use(launch, _PLAIN, (_warm_sql, _warm_python, _warm_parquet, _warm_s3a, _warm_tables))
    warehouse = launch.scratch / "warehouse"
    warehouse.mkdir()
    _use(launch, {**_CUSTOM, "spark.sql.catalog.local.warehouse": str(warehouse)}, (_warm_iceberg, _warm_sql))
    warehouse.rmdir()


def use_connect(launch: Launch) -> None:
    """Uses Spark Connect once, for the class-data archive alone: in the pool it would cost every session 34 MB.

    With its classes in the archive it starts in a tenth of a second, and its first query takes a third of the time.
    """

    def query(session: SparkSession, launch: Launch) -> None:
        assert session._jvm
        rehearsal = session._jvm.parthenon.connect.Rehearsal
        rehearsal.run(session.sparkContext._jsc.sc(), "SELECT id, 'one' AS name FROM range(3) ORDER BY id")

    _use(launch, _PLAIN, (query,))


def _use(launch: Launch, properties: Mapping[str, str], uses: Iterable[Callable[[SparkSession, Launch], None]]) -> None:
    if launch.hurried():
        return
    # Two cores, as the smallest session has: with one, Spark makes plans without an exchange, and other code of them.
    context = create_context({**base_properties("local[2]"), **properties}, ())
    adopt_context(context, properties)
    event_log = launch.scratch / "event-log"
    session = open_session(context, "warm-up", event_log)
    try:
        for use in uses:
            if not launch.hurried():
                use(session, launch)
    finally:
        stop_context(context)
        await_event_log()
        shutil.rmtree(event_log, ignore_errors=True)
        forget_file_systems()


def hold_context(launch: Launch) -> None:
    """Makes the context that the next session is likely to want."""
    if launch.hurried() or launch.held is None:
        return
    create_context({**base_properties(launch.held.master), **launch.held.properties}, launch.jars)


def give_memory_back(launch: Launch) -> None:
    """What the warm-up left goes back to the system, for the driver may wait for hours."""
    from pyspark import SparkContext

    if SparkContext._jvm and not launch.hurried():
        SparkContext._jvm.java.lang.System.gc()


def _warm_sql(session: SparkSession, launch: Launch) -> None:
    session.range(10).selectExpr("id", "id % 3 AS part").createOrReplaceTempView("warm_up")
    session.sql("SELECT a.part, count(*) FROM warm_up a JOIN warm_up b USING (id) GROUP BY 1 ORDER BY 1").collect()
    for _ in range(3):
        session.range(1000).count()
    session.sql("SELECT 1 AS id, 'one' AS name")._jdf.showString(20, 20, False)


def _warm_iceberg(session: SparkSession, launch: Launch) -> None:
    session.sql("SHOW NAMESPACES IN local").collect()


def _warm_python(session: SparkSession, launch: Launch) -> None:
    session.sparkContext.parallelize([1], 1).map(str).collect()


def _warm_parquet(session: SparkSession, launch: Launch) -> None:
    target = str(launch.scratch / "warm-up")
    session.range(10).write.parquet(target)
    session.read.parquet(target).where("id > 1").collect()
    shutil.rmtree(target, ignore_errors=True)


def _warm_s3a(session: SparkSession, launch: Launch) -> None:
    """Fetches a jar as a session's own would be: S3A, its client, Spark's file server, and not one byte off the machine."""
    jvm = session._jvm
    assert jvm
    hadoop = jvm.org.apache.hadoop.conf.Configuration(session.sparkContext._jsc.hadoopConfiguration())
    with one_object() as endpoint:
        s3 = {"endpoint": endpoint, "region": "us-east-1", "path_style": True}
        keys = {"spark.hadoop.fs.s3a.access.key": "nobody", "spark.hadoop.fs.s3a.secret.key": "nobody"}
        for name, value in {**s3_properties(s3, {}, launch.scratch / "no-keys.json"), **keys}.items():
            hadoop.set(name.removeprefix("spark.hadoop."), value)
        jar = jvm.org.apache.spark.util.DependencyUtils.downloadFile(
            "s3a://warm-up/empty.jar", jvm.java.io.File(str(launch.scratch)), jvm.org.apache.spark.SparkConf(False), hadoop
        )
    session.sparkContext._jsc.addJar(jar)
    session.range(1).count()


def _warm_tables(session: SparkSession, launch: Launch) -> None:
    """Loads what a session's first table needs of Hive; nobody is asked, for no metastore is known yet."""
    jvm = session._jvm
    assert jvm
    hadoop = jvm.org.apache.hadoop.conf.Configuration(session.sparkContext._jsc.hadoopConfiguration())
    hadoop.set("hive.exec.scratchdir", str(launch.scratch / "hive"))
    jvm.org.apache.spark.sql.hive.HiveExternalCatalog(session.sparkContext._jsc.sc().conf(), hadoop).client()
    # Hive keeps its state by thread: the session's own client must not find this one's.
    jvm.org.apache.hadoop.hive.ql.session.SessionState.detachSession()
    loader = jvm.Thread.currentThread().getContextClassLoader()
    for name in ("ql.metadata.SessionHiveMetaStoreClient", "metastore.api.ThriftHiveMetastore$Client"):
        jvm.java.lang.Class.forName(f"org.apache.hadoop.hive.{name}", True, loader)
