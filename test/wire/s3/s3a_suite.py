"""Drives a running S3 endpoint by Hadoop's S3A under real Spark. Arguments: endpoint, key id, secret, jars (comma), committer."""

import json
import sys

from pyspark.sql import SparkSession

ENDPOINT, KEY_ID, SECRET, JARS, COMMITTER = sys.argv[1:6]
ROOT = f"s3a://s3a-suite/{COMMITTER}"

settings = {
    "spark.driver.extraClassPath": JARS.replace(",", ":"),
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.hadoop.fs.s3a.endpoint": ENDPOINT,
    "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
    "spark.hadoop.fs.s3a.path.style.access": "true",
    "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
    "spark.hadoop.fs.s3a.access.key": KEY_ID,
    "spark.hadoop.fs.s3a.secret.key": SECRET,
    "spark.hadoop.fs.s3a.multipart.size": "5M",
    "spark.hadoop.fs.s3a.multipart.threshold": "6M",
}
if COMMITTER == "magic":
    factory = "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory"
    settings["spark.hadoop.fs.s3a.committer.name"] = "magic"
    settings["spark.hadoop.fs.s3a.committer.magic.enabled"] = "true"
    settings["spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3a"] = factory

builder = SparkSession.builder.master("local[2]").appName("s3a-suite")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")

rows = spark.range(10_000).selectExpr("id", "id % 5 as k", "uuid() as v")
rows = rows.cache()

for form in ("parquet", "csv"):
    path = f"{ROOT}/{form}"
    read = spark.read.schema(rows.schema)
    rows.write.mode("overwrite").format(form).save(path)
    assert read.format(form).load(path).count() == 10_000
    rows.limit(100).write.mode("overwrite").format(form).save(path)
    assert read.format(form).load(path).count() == 100
    rows.write.mode("append").format(form).save(path)
    assert read.format(form).load(path).count() == 10_100
    rows.write.mode("overwrite").partitionBy("k").format(form).save(path + "-by-k")
    assert read.format(form).load(path + "-by-k").where("k = 3").count() == 2_000
    print("ok", form, flush=True)

jvm = spark._jvm
Path = jvm.org.apache.hadoop.fs.Path
fs = Path(ROOT).getFileSystem(spark._jsc.hadoopConfiguration())


def names(path):
    return sorted(status.getPath().getName() for status in fs.listStatus(Path(path)))


def text(path):
    stream = fs.open(Path(path))
    try:
        return jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8")
    finally:
        stream.close()


# FileOutputFormat asks the factory (CSV does; Parquet brings a committer of its own): the magic one signs its work.
if COMMITTER == "magic":
    assert json.loads(text(f"{ROOT}/csv/_SUCCESS"))["committer"] == "magic"
    assert "__magic" not in names(f"{ROOT}/csv")
    print("ok magic committer", flush=True)

large = spark.range(0, 400_000, 1, 1).selectExpr("id", "uuid() as v")
large.write.mode("overwrite").option("compression", "none").parquet(f"{ROOT}/large")
sizes = [status.getLen() for status in fs.listStatus(Path(f"{ROOT}/large"))]
assert max(sizes) > 12 * 1024 * 1024, sizes
read = spark.read.parquet(f"{ROOT}/large")
assert read.count() == 400_000 and read.selectExpr("count(distinct v)").first()[0] == 400_000
print("ok multipart", flush=True)

assert fs.rename(Path(f"{ROOT}/parquet-by-k"), Path(f"{ROOT}/moved"))
assert not fs.exists(Path(f"{ROOT}/parquet-by-k"))
assert spark.read.parquet(f"{ROOT}/moved").count() == 10_000
assert fs.rename(Path(f"{ROOT}/large"), Path(f"{ROOT}/large-moved"))
assert spark.read.parquet(f"{ROOT}/large-moved").count() == 400_000
print("ok rename", flush=True)

tree = f"{ROOT}/tree"
for folder in ("a", "a/b", "a/b/c", "d", "empty"):
    assert fs.mkdirs(Path(f"{tree}/{folder}"))
for file in ("a/b/c/f", "d/e", "d/é ü+&%41"):
    fs.create(Path(f"{tree}/{file}")).close()
assert names(tree) == ["a", "d", "empty"], names(tree)
assert names(f"{tree}/d") == ["e", "é ü+&%41"], names(f"{tree}/d")
assert fs.rename(Path(f"{tree}/a"), Path(f"{tree}/z"))
assert fs.exists(Path(f"{tree}/z/b/c/f")) and not fs.exists(Path(f"{tree}/a"))
assert fs.getFileStatus(Path(f"{tree}/empty")).isDirectory()
assert fs.delete(Path(tree), True) and not fs.exists(Path(tree))
for folder in names(ROOT):
    assert fs.delete(Path(f"{ROOT}/{folder}"), True)
assert not fs.exists(Path(f"{ROOT}/parquet"))
print("ok trees", flush=True)
spark.stop()
