"""Uses a session by PySpark's own Spark Connect client; prints `ok test_…` for each part that works."""

import os
import sys
import tempfile
import threading
import time
import traceback

import numpy
import pandas
import pyspark.sql.functions as F
from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Window
from pyspark.sql.functions import pandas_udf, udf
from remote import session

spark = session()
folder = sys.argv[1]


def test_sql():
    assert spark.version == "3.5.7"
    assert [tuple(row) for row in spark.sql("SELECT id, id * 2 FROM range(3)").collect()] == [(0, 0), (1, 2), (2, 4)]
    assert spark.sql("SELECT :a + 1 AS b", args={"a": 41}).first().b == 42


def test_dataframe():
    people = spark.createDataFrame([("a", 1), ("a", 3), ("b", 5)], ["team", "points"])
    teams = spark.createDataFrame([("a", "red"), ("b", "blue")], ["team", "colour"])
    sums = people.join(teams, "team").groupBy("colour").agg(F.sum("points").alias("sum")).orderBy("colour")
    assert [tuple(row) for row in sums.collect()] == [("blue", 5), ("red", 4)]
    ranked = people.withColumn("rank", F.row_number().over(Window.partitionBy("team").orderBy(F.desc("points"))))
    assert ranked.where("rank = 1").count() == 2
    assert people.schema.simpleString() == "struct<team:string,points:bigint>"


def test_udf():
    @udf("string")
    def shout(text):
        return text.upper() + "!"

    assert spark.createDataFrame([("hey",)], ["text"]).select(shout("text")).first()[0] == "HEY!"
    assert spark.range(1).select(udf(lambda _: sys.prefix, "string")("id")).first()[0].endswith("/python")


def test_pandas_udf():
    @pandas_udf("double")
    def half(values: pandas.Series) -> pandas.Series:
        return values / 2

    assert spark.range(10).select(F.sum(half("id"))).first()[0] == 22.5
    doubled = spark.range(4).mapInPandas(lambda frames: (frame * 2 for frame in frames), "id long")
    assert sorted(row.id for row in doubled.collect()) == [0, 2, 4, 6]


def test_errors_are_sparks_own():
    for code, kind in (("SELECT nothing", AnalysisException), ("SELEC 1", ParseException)):
        try:
            spark.sql(code).collect()
        except kind as error:
            assert "SQLSTATE" in str(error) or "[" in str(error), error
        else:
            raise AssertionError(code)


def test_catalog():
    spark.sql("CREATE DATABASE IF NOT EXISTS by_connect")
    spark.range(5).write.mode("overwrite").saveAsTable("by_connect.five")
    assert [table.name for table in spark.catalog.listTables("by_connect")] == ["five"]
    assert spark.table("by_connect.five").count() == 5
    spark.range(7).createOrReplaceTempView("mine")
    assert spark.catalog.tableExists("mine") and not session().catalog.tableExists("mine")
    spark.range(7).createOrReplaceGlobalTempView("everybodys")
    assert session().table("global_temp.everybodys").count() == 7


def test_large_results_come_in_arrow_batches():
    count = 2_000_000
    frame = spark.range(count).withColumn("text", F.concat(F.lit("row number "), "id")).toPandas()
    assert len(frame) == count and frame.id.sum() == count * (count - 1) // 2
    assert frame.text.iloc[-1] == f"row number {count - 1}"


def test_large_frames_go_up_in_arrow_batches():
    numbers = numpy.random.default_rng(1).random((700_000, 8))
    frame = pandas.DataFrame(numbers, columns=list("abcdefgh"))  # 45 MB
    assert abs(spark.createDataFrame(frame).agg(F.sum("a")).first()[0] - frame.a.sum()) < 0.01


def test_streaming():
    source = f"{folder}/source"
    spark.range(20).write.mode("overwrite").parquet(source)
    stream = spark.readStream.schema("id long").parquet(source)
    query = stream.writeStream.format("memory").queryName("twenty").outputMode("append").start()
    query.processAllAvailable()
    assert spark.table("twenty").count() == 20
    assert query.isActive and query.recentProgress
    query.stop()

    def keep(batch, number):
        batch.write.mode("append").parquet(f"{folder}/kept")

    query = stream.writeStream.foreachBatch(keep).start()
    try:
        query.processAllAvailable()
    finally:
        query.stop()
    assert spark.read.parquet(f"{folder}/kept").count() == 20
    assert not spark.streams.active


def test_interrupt():
    raised = []

    def work():
        try:
            spark.range(10**13).selectExpr("sum(id)").collect()
        except Exception as error:
            raised.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    interrupted = []
    while not interrupted:
        time.sleep(0.2)
        interrupted = spark.interruptAll()
    thread.join(60)
    assert not thread.is_alive() and "OPERATION_CANCELED" in raised[0], raised


def test_artifacts():
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "brought_along.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write("WORD = 'brought along'\n")
        spark.addArtifacts(path, pyfile=True)

    def word(_):
        import brought_along

        return brought_along.WORD

    assert spark.range(1).select(udf(word, "string")("id")).first()[0] == "brought along"


def test_many_calls_at_once():
    results = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(spark.range(n).count() - n)) for n in range(1, 17)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 16


for name, check in list(globals().items()):
    if name.startswith("test_"):
        began = time.time()
        try:
            check()
            print("ok", name, round(time.time() - began, 1), flush=True)
        except Exception:
            traceback.print_exc()
            print("failed", name, flush=True)
