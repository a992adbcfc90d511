"""The class-data archive: what a driver's JVM has loaded once it is warm, for Java to map in place of reading it again.

https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
"""

from __future__ import annotations

import dataclasses

from .jvm import Jvm
from .launch import Launch

#: To write some 200 MB; the disk may be slow.
_DUMP_TIMEOUT_S = 300

_ICEBERG = "org.apache.iceberg.spark"
#: What sessions with properties of their own most often have. Tables are left out: each format has thousands of classes,
#: and the archive would take twice as long to make.
_TRAINING = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.io.encryption.enabled": "true",
    "spark.sql.extensions": f"{_ICEBERG}.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.local": f"{_ICEBERG}.SparkCatalog",
    "spark.sql.catalog.local.type": "hadoop",
}


def make_class_data(launch: Launch) -> None:
    """Starts a JVM as drivers have it, uses what sessions use, and ends it; it writes the archive at its end.

    :param launch: of a driver; `class_data` is the file to write
    """
    import pyspark.sql

    from .context import attach_gateway
    from .warm_up import warm_up

    jvm = Jvm(dataclasses.replace(launch, makes_class_data=True), 2)
    jvm.start({})
    attach_gateway(jvm.connect())
    warm_up(launch)
    _train(launch)
    assert isinstance(pyspark.sql.SparkSession, type)
    jvm.stop(_DUMP_TIMEOUT_S)


def _train(launch: Launch) -> None:
    from pyspark.sql import SparkSession

    from .context import base_properties, create_context

    warehouse = launch.scratch / "warehouse"
    warehouse.mkdir()
    places = {"spark.sql.catalog.local.warehouse": str(warehouse)}
    create_context({**base_properties("local[2]"), **places, **_TRAINING}, ())
    session = SparkSession.builder.getOrCreate()
    session.sql("SHOW NAMESPACES IN local").collect()
    session.sparkContext.parallelize(range(10), 2).map(lambda each: each + 1).sum()
    session.stop()
