"""Runs the part of Spark's own Connect tests that PySpark brings along, its examples: `spark_suite.py <module>…`.

Prints `<module> <failed> <attempted>` for each; what fails is told as doctest does.
"""

import doctest
import os
import runpy
import sys
import time

from remote import url

os.environ["SPARK_CONNECT_TESTING_REMOTE"] = url()
testmod = doctest.testmod


def counted(module, *arguments, **options):
    """As `doctest.testmod`; Spark's own modules ask for it."""
    began = time.time()
    result = testmod(module, *arguments, **options)
    print(module.__name__, result.failed, result.attempted, round(time.time() - began), flush=True)
    return result


doctest.testmod = counted
for name in sys.argv[1:]:
    try:
        runpy.run_module(f"pyspark.sql.connect.{name}", run_name="__main__")
    except SystemExit:
        pass
