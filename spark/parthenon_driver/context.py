"""The SparkContext of a session."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cluster import distribute_jars, is_cluster, keys_of_executors, make_context, settle, tags
from .connect import without_plugin
from .event_log import begin_event_log
from .java_names import java_class, remember_names, scala_map, spark_conf
from .launch import Launch
from .pip_install import use_own_python
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
    remember_names(gateway)


def session_properties(assignment: Mapping[str, Any], keys_file: Path) -> dict[str, str]:
    """All Spark properties of a session. What its user set wins over what is set here; what nobody set stays Spark's."""
    own: dict[str, str] = dict(assignment["spark_properties"])
    master = assignment["master"]
    properties = {
        **base_properties(master),
        "spark.app.name": f"Athena session {assignment['session_id']}",
        **tags(master, assignment["session_id"]),
        **s3_properties(assignment["s3"], own, keys_file),
        **without_plugin(own),
        **keys_of_executors(master, own),
        "spark.master": master,
    }
    return with_table_formats(properties, assignment["s3"], keys_file)


def create_context(properties: Mapping[str, str], jars: Iterable[str]) -> SparkContext:
    """Makes a SparkContext; the one before is stopped.

    :param properties: all that the context is to know
    :param jars: the driver's own, of which a cluster's executors know nothing
    :raises Exception: Spark's own, when it refuses a property
    """
    from pyspark import SparkConf

    conf = SparkConf(_jconf=spark_conf(properties, with_defaults=True))
    distribute_jars(conf, first_jars(jars, properties))
    return make_context(conf)


def stop_context(context: SparkContext) -> None:
    """Ends a SparkContext, without the second that PySpark waits for its accumulators' server to look up."""
    from pyspark.sql import SparkSession

    server, context._accumulatorServer = context._accumulatorServer, None
    (SparkSession._instantiatedSession or context).stop()
    threading.Thread(target=server.shutdown, name="accumulators-end", daemon=True).start()


def stop_beside(context: SparkContext) -> threading.Thread:
    """Begins to end a SparkContext that nobody has used, while the session's dependencies are fetched; the thread ends with it."""
    forget_file_systems()
    stopping = threading.Thread(target=stop_context, args=(context,), name="stop-context", daemon=True)
    stopping.start()
    return stopping


def forget_file_systems() -> None:
    """Closes what a context has used: file systems are cached by scheme and user, not by keys, and would be handed out again."""
    java_class("org.apache.hadoop.fs.FileSystem").closeAll()


def adopt_context(context: SparkContext, properties: Mapping[str, str]) -> SparkContext:
    """Gives a SparkContext that runs, and that nobody has used, the properties of a session that it can take so late.

    Its own configuration takes them, of which the session's SparkSession is made, and Hadoop's, of which file systems are.
    """
    scala_context = context._jsc.sc()
    conf = scala_context.conf()
    conf.setAll(scala_map(properties))
    context.appName = properties["spark.app.name"]  # PySpark's own copy
    hadoop = java_class("org.apache.spark.deploy.SparkHadoopUtil").get()
    hadoop.appendS3AndSparkHadoopHiveConfigurations(conf, scala_context.hadoopConfiguration())
    return context


def active_context() -> SparkContext | None:
    """The process's SparkContext, if it has one and has needed PySpark at all."""
    pyspark = sys.modules.get("pyspark")
    return pyspark.SparkContext._active_spark_context if pyspark else None


def open_session(context: SparkContext, session_id: str, event_log: Path | None) -> SparkSession:
    """Makes the SparkSession of a context that is the session's now.

    :param event_log: the folder in which its event log is to lie; None for no log
    """
    from pyspark.sql import SparkSession

    use_own_python(context)
    settle(context, session_id)
    _name_application(context, session_id)
    if event_log is not None:
        begin_event_log(context, session_id, event_log)
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
            message, kind, cause = cause.getMessage() or "", cause.getClass().getSimpleName(), cause.getCause()
            # A class that is not there says its name and nothing else.
            if message and " " not in message:
                message = f"{kind}: {message}"
        message = message or error.java_exception.toString()
    else:
        # PySpark's converted errors carry the JVM's text already.
        message = getattr(error, "desc", None) or message
    lines = [line.strip() for line in message.splitlines()]
    sentence = " ".join(line for line in lines if line and not line.startswith("at "))
    return sentence[:_LONGEST_REASON] or type(error).__name__


def base_properties(master: str) -> dict[str, str]:
    """What every context of a driver has."""
    properties = {
        "spark.master": master,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if not is_cluster(master):
        properties["spark.driver.host"] = properties["spark.driver.bindAddress"] = "127.0.0.1"
        # Spark listens with a local master, too, on ports that all of this machine reaches; it makes up the secret itself.
        properties["spark.authenticate"] = "true"
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
