"""The SparkContext of a session, and the throw-away one that makes the JVM warm for it."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .cluster import distribute_jars, is_cluster, settle, tags
from .launch import Launch
from .s3 import s3_properties
from .table_formats import first_jars, with_table_formats

if TYPE_CHECKING:
    from py4j.clientserver import ClientServer
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

#: Characters of a reason; Spark's longest are plans, which nobody reads in a state's reason.
_LONGEST_REASON = 1000


def attach_gateway(gateway: ClientServer) -> None:
    """Makes PySpark use this JVM, and forget the one before."""
    from pyspark import SparkContext

    SparkContext._gateway = gateway
    SparkContext._jvm = gateway.jvm


def warm_up(launch: Launch) -> None:
    """Uses what nearly every session uses, once, and stops; what is left is skipped as soon as a session waits."""
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

    if launch.hurried():
        return
    conf = SparkConf().setAll(_base_properties("local[1]").items()).setAppName("warm-up")
    # As sessions have it. Only what asks for a database or a table would reach for a metastore.
    conf.set("spark.sql.catalogImplementation", "hive")
    session = SparkSession.builder.config(conf=conf).getOrCreate()
    try:
        for use in (_warm_sql, _warm_parquet, _warm_s3a, _warm_tables):
            if not launch.hurried():
                use(session, launch)
    finally:
        session.stop()


def _warm_sql(session: SparkSession, launch: Launch) -> None:
    session.range(10).selectExpr("id", "id % 3 AS part").createOrReplaceTempView("warm_up")
    session.sql("SELECT a.part, count(*) FROM warm_up a JOIN warm_up b USING (id) GROUP BY 1 ORDER BY 1").collect()


def _warm_parquet(session: SparkSession, launch: Launch) -> None:
    target = str(launch.scratch / "warm-up")
    session.range(10).write.parquet(target)
    session.read.parquet(target).where("id > 1").collect()
    shutil.rmtree(target, ignore_errors=True)


def _warm_s3a(session: SparkSession, launch: Launch) -> None:
    """Makes a client of S3A and closes it: seconds of class loading, and not one byte on the network."""
    jvm, nowhere = session._jvm, "http://127.0.0.1:9"
    assert jvm
    nobody = {"access_key_id": "nobody", "secret_access_key": "nobody"}
    s3 = {"endpoint": nowhere, "region": "us-east-1", "path_style": True, "credentials": nobody}
    hadoop = jvm.org.apache.hadoop.conf.Configuration(session.sparkContext._jsc.hadoopConfiguration())
    for name, value in s3_properties(s3, {}).items():
        hadoop.set(name.removeprefix("spark.hadoop."), value)
    jvm.org.apache.hadoop.fs.FileSystem.newInstance(jvm.java.net.URI("s3a://warm-up/"), hadoop).close()


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


def session_properties(assignment: Mapping[str, Any]) -> dict[str, str]:
    """All Spark properties of a session. What its user set wins over what is set here; what nobody set stays Spark's."""
    own: dict[str, str] = dict(assignment["spark_properties"])
    master = assignment["master"]
    properties = {
        **_base_properties(master),
        "spark.app.name": f"Athena session {assignment['session_id']}",
        **tags(master, assignment["session_id"]),
        **s3_properties(assignment["s3"], own),
        **own,
        "spark.master": master,
    }
    return with_table_formats(properties, assignment["s3"])


def create_session(properties: Mapping[str, str], session_id: str, jars: Iterable[str]) -> SparkSession:
    """Makes the session's SparkContext with all properties, static ones too.

    :param jars: the driver's own, of which a cluster's executors know nothing
    :raises Exception: Spark's own, when it refuses a property
    """
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    assert SparkContext._jvm
    # File systems are cached by scheme and user, not by keys: one of an earlier context would be handed out again.
    SparkContext._jvm.org.apache.hadoop.fs.FileSystem.closeAll()
    conf = SparkConf().setAll(list(properties.items()))
    distribute_jars(conf, first_jars(jars, properties))
    context = SparkContext(conf=conf)
    settle(context, session_id)
    _name_application(context, session_id)
    return SparkSession.builder.getOrCreate()


def _name_application(context: SparkContext, session_id: str) -> None:
    """Makes the session id the application's, as on Athena.

    A cluster's master gives an id of its own, which its tools know; Spark's local scheduler gives `local-<time>` and
    takes no other, although nobody outside this JVM ever hears of it.
    """
    scala_context = context._jsc.sc()
    if not scala_context.isLocal():
        return
    scala_context.conf().set("spark.app.id", session_id)
    field = scala_context.getClass().getDeclaredField("_applicationId")
    field.setAccessible(True)
    field.set(scala_context, session_id)


def namespace(session: SparkSession, launch: Launch) -> dict[str, object]:
    """The names that code finds."""
    from pyspark.sql import SQLContext

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        sql_context = SQLContext(session.sparkContext, session)
    return {
        "spark": session,
        "sc": session.sparkContext,
        "sqlContext": sql_context,
        "athena_user_logger": _logger("athena_user_logger", launch),
        "athena_shared_logger": _logger("athena_shared_logger", launch),
    }


def start_failure(error: BaseException) -> str:
    """One sentence for people: Spark's own message, without stack and class."""
    from py4j.protocol import Py4JJavaError

    message = str(error)
    if isinstance(error, Py4JJavaError):
        cause, message = error.java_exception, ""
        while cause is not None and not message:
            message, cause = cause.getMessage() or "", cause.getCause()
        message = message or error.java_exception.toString()
    else:
        # PySpark's converted errors carry the JVM's text already.
        message = getattr(error, "desc", None) or message
    lines = [line.strip() for line in message.splitlines()]
    sentence = " ".join(line for line in lines if line and not line.startswith("at "))
    return sentence[:_LONGEST_REASON] or type(error).__name__


def _base_properties(master: str) -> dict[str, str]:
    properties = {
        "spark.master": master,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if not is_cluster(master):
        properties["spark.driver.host"] = properties["spark.driver.bindAddress"] = "127.0.0.1"
    return properties


def _logger(name: str, launch: Launch) -> logging.Logger:
    logger = logging.getLogger(name)
    if not logger.handlers:
        handler = logging.FileHandler(launch.folder / f"{name}.log", encoding="utf-8", delay=True)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return logger
