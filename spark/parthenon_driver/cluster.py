"""What a session needs whose executors are not threads of its driver: docs/operators/cluster.md."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark import SparkConf, SparkContext

_LOG = logging.getLogger("parthenon.cluster")

#: Where an operator says that the workers have the jars of a driver's class path already.
_WORKERS_CLASS_PATH = "spark.executor.extraClassPath"
#: The Python of the workers, where theirs lies elsewhere than this one.
_WORKERS_PYTHON = "spark.pyspark.python"
_PLUGINS = "spark.plugins"
#: spark/java/s3
_KEYS_PLUGIN = "parthenon.s3.SessionKeysPlugin"
_KEYS_JAR = "parthenon-s3.jar"
#: How an application is called to which no master has given an id: `SchedulerBackend.applicationId`.
_UNREGISTERED = "spark-application-"


class MasterRefused(Exception):
    """The application could not be registered."""

    def __init__(self, master: str) -> None:
        super().__init__(
            f"All masters are unresponsive! Giving up. {master} does not answer, or spark.authenticate and"
            " spark.authenticate.secret are not as the cluster has them."
        )


def is_cluster(master: str) -> bool:
    """Whether executors run in processes of their own."""
    return not master.startswith("local")


def tags(master: str, session_id: str) -> dict[str, str]:
    """Properties by which a cluster's own tools find a session; a standalone master shows the application's name alone."""
    if master == "yarn":
        return {"spark.yarn.tags": session_id}
    if master.startswith("k8s:"):
        return {"spark.kubernetes.executor.label.athena-session": session_id}
    return {}


def keys_of_executors(master: str, properties: Mapping[str, str]) -> dict[str, str]:
    """Properties by which executors have the session's keys, which change while it lives: beside the plugins that it has itself."""
    if not is_cluster(master):
        return {}
    own = properties.get(_PLUGINS, "")
    return {_PLUGINS: f"{own},{_KEYS_PLUGIN}" if own else _KEYS_PLUGIN}


def distribute_jars(conf: SparkConf, jars: Iterable[str]) -> None:
    """Has executors fetch the driver's own jars from the driver, after those that the session brings.

    :param conf: of the context that will be made; it holds what `SparkSubmit` has added to `spark.jars`
    :param jars: those of the driver's class path that Spark does not ship
    """
    if not is_cluster(conf.get("spark.master", "local")):
        return
    if conf.get(_WORKERS_CLASS_PATH):
        # Executors do not start without it, and an operator copies what is big.
        jars = [jar for jar in jars if Path(jar).name == _KEYS_JAR]
    brought = [jar for jar in conf.get("spark.jars", "").split(",") if jar]
    conf.set("spark.jars", ",".join(dict.fromkeys([*brought, *jars])))


def make_context(conf: SparkConf) -> SparkContext:
    """Makes a SparkContext, on a cluster or not.

    :raises MasterRefused: when the cluster's master did not take it for a minute, which Spark itself tells its log alone
    """
    from pyspark import SparkContext

    master = conf.get("spark.master", "local")
    try:
        context = SparkContext(conf=conf)
    except Exception as error:
        if is_cluster(master) and "stopped SparkContext" in str(error):
            raise MasterRefused(master) from error
        raise
    # Spark stops it beside the call that makes it, which may be the faster.
    if master.startswith("spark:") and context.applicationId.startswith(_UNREGISTERED):
        context.stop()
        raise MasterRefused(master)
    return context


def settle(context: SparkContext, session_id: str) -> None:
    """Makes a new context use the workers' Python, and writes down by which id the cluster knows the session."""
    if not is_cluster(context.master):
        return
    # PySpark reads this from the driver's environment alone, which is this machine's.
    context.pythonExec = context.getConf().get(_WORKERS_PYTHON) or context.pythonExec
    _LOG.warning("Session %s is application %s of %s", session_id, context.applicationId, context.master)
