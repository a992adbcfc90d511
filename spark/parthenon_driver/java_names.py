"""Java classes by their names, and Spark's properties in one call.

py4j asks the JVM what `jvm.org`, `jvm.org.apache`, … are, one after the other and at every use; the JVM looks each up in
its whole class path. That is 1 to 3 ms for one class, and a start names dozens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .jvm_options import properties_text

if TYPE_CHECKING:
    from py4j.clientserver import ClientServer

#: What PySpark calls by its bare name, also in users' every second call.
_PYSPARK_NAMES = (
    "org.apache.spark.SparkConf",
    "org.apache.spark.api.java.JavaSparkContext",
    "org.apache.spark.api.python.PythonAccumulatorV2",
    "org.apache.spark.api.python.PythonUtils",
    "org.apache.spark.sql.SparkSession",
)


def remember_names(gateway: ClientServer) -> None:
    """Has PySpark's view of a JVM hold the classes that PySpark would look up again and again."""
    for name in _PYSPARK_NAMES:
        setattr(gateway.jvm, name.rpartition(".")[2], _java_class(gateway, name))


def java_class(name: str) -> Any:
    """A class of the JVM that PySpark uses; it must exist, for nobody looks.

    :param name: with its package; `Outer$Inner` for one within another
    """
    from pyspark import SparkContext

    return _java_class(SparkContext._gateway, name)


def spark_conf(properties: Mapping[str, str], with_defaults: bool) -> Any:
    """A SparkConf of the JVM's with all the properties; one call, not one for each.

    :param with_defaults: whether it begins with the JVM's own `spark.*` system properties
    """
    conf = java_class("org.apache.spark.SparkConf")(with_defaults)
    conf.setAll(scala_map(properties))
    return conf


def scala_map(properties: Mapping[str, str]) -> Any:
    """The properties as a Scala map."""
    java = java_class("java.util.Properties")()
    java.load(java_class("java.io.StringReader")(properties_text(properties)))
    return java_class("scala.collection.JavaConverters").propertiesAsScalaMap(java)


def _java_class(gateway: Any, name: str) -> Any:
    from py4j.java_gateway import JavaClass

    return JavaClass(name, gateway._gateway_client)
