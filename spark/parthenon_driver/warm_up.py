"""What a driver does while it waits: it uses what nearly every session uses, once, and then holds a context ready.

The throw-away context makes the JVM warm, its end included. The one that follows is used by nobody: where a session's
properties are such that it can take them (src/spark-properties/), it becomes the session's.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from .context import base_properties, create_context
from .launch import Launch
from .rehearsal import one_object
from .s3 import s3_properties

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def warm_up(launch: Launch) -> None:
    """Makes the JVM warm; what is left is skipped as soon as a session waits."""
    if launch.hurried():
        return
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    # As sessions have it. Only what asks for a database or a table would reach for a metastore.
    properties = {"spark.app.name": "warm-up", "spark.sql.catalogImplementation": "hive"}
    # By it `ADD JAR 's3://…'` reaches S3: a JVM takes one only, and it keeps the keys of the context that sets it.
    properties["spark.sql.defaultUrlStreamHandlerFactory.enabled"] = "false"
    create_context({**base_properties("local[1]"), **properties}, ())
    session = SparkSession.builder.getOrCreate()
    try:
        for use in (_warm_sql, _warm_python, _warm_parquet, _warm_s3a, _warm_tables):
            if not launch.hurried():
                use(session, launch)
    finally:
        session.stop()
    # What the warm-up left goes back to the system, for the driver may wait for hours.
    SparkContext._jvm.java.lang.System.gc()


def hold_context(launch: Launch) -> None:
    """Makes the context that the next session is likely to want."""
    if launch.hurried() or launch.held is None:
        return
    create_context({**base_properties(launch.held.master), **launch.held.properties}, launch.jars)


def _warm_sql(session: SparkSession, launch: Launch) -> None:
    session.range(10).selectExpr("id", "id % 3 AS part").createOrReplaceTempView("warm_up")
    session.sql("SELECT a.part, count(*) FROM warm_up a JOIN warm_up b USING (id) GROUP BY 1 ORDER BY 1").collect()
    session.range(1000).count()
    session.createDataFrame([(1, "one")], ["id", "name"])._jdf.showString(20, 20, False)


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
    nobody = {"access_key_id": "nobody", "secret_access_key": "nobody"}
    hadoop = jvm.org.apache.hadoop.conf.Configuration(session.sparkContext._jsc.hadoopConfiguration())
    with one_object() as endpoint:
        s3 = {"endpoint": endpoint, "region": "us-east-1", "path_style": True, "credentials": nobody}
        for name, value in s3_properties(s3, {}).items():
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
