"""The baseline: a plain PySpark process of the same environment, from its start to a usable session and a first job.

Prints two numbers, seconds since the process was started (its first argument): session usable, first job done.
"""

import sys
import time

started = float(sys.argv[1])

from pyspark.sql import SparkSession  # noqa: E402  (its import is part of what is measured)

builder = SparkSession.builder.master(sys.argv[2]).config("spark.ui.enabled", "false")
for setting in sys.argv[3:]:
    name, _, value = setting.partition("=")
    builder = builder.config(name, value)
spark = builder.getOrCreate()
usable = time.time() - started
spark.range(1000).count()
print(usable, time.time() - started)
spark.stop()
