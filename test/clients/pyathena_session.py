"""PyAthena's Spark cursor, unmodified, in the shape of PyAthena's own expectations."""

import textwrap

import boto3
from pyathena import OperationalError, connect
from pyathena.model import AthenaCalculationExecution
from pyathena.spark.cursor import SparkCursor

boto3.client("s3").create_bucket(Bucket="pyathena-data")
boto3.client("s3").put_object(
    Bucket="pyathena-data", Key="in/data.csv", Body=b"name,count\nfoo,2\nfoo,3\nbar,5\n"
)
connection = connect(work_group="primary", cursor_class=SparkCursor, poll_interval=0.1)
with connection.cursor() as cursor:
    cursor.execute(
        textwrap.dedent(
            """
            df = spark.read.format("csv") \\
                .option("header", "true") \\
                .option("inferSchema", "true") \\
                .load("s3://pyathena-data/in/data.csv")
            """
        ),
        description="a description",
    )
    assert cursor.state == AthenaCalculationExecution.STATE_COMPLETED
    assert cursor.state_change_reason is None
    for name in (
        "session_id calculation_id working_directory submission_date_time completion_date_time "
        "dpu_execution_in_millis progress std_out_s3_uri std_error_s3_uri result_s3_uri result_type"
    ).split():
        assert getattr(cursor, name), name
    assert cursor.description == "a description"

    cursor.execute(
        textwrap.dedent(
            """
            from pyspark.sql.functions import sum
            df.groupBy("name").agg(sum("count").alias("sum")).orderBy("name").show()
            """
        )
    )
    table = """
    +----+---+
    |name|sum|
    +----+---+
    | bar|  5|
    | foo|  5|
    +----+---+
    """
    assert cursor.get_std_out() == textwrap.dedent(table).strip(), cursor.get_std_out()

    try:
        cursor.execute("\nfoobar\n")
    except OperationalError:
        pass
    else:
        raise AssertionError("a failed calculation must raise")
    assert cursor.state == AthenaCalculationExecution.STATE_FAILED
    expected = "File \"<stdin>\", line 2, in <module>\nNameError: name 'foobar' is not defined"
    assert cursor.get_std_error() == expected, cursor.get_std_error()

try:
    connection.cursor(session_id="6f9a1b3e-0d55-4b0e-8d3c-2f6f5c1f7a11")
except OperationalError as error:
    print(f"unknown session: {error}")
else:
    raise AssertionError("an unknown session must raise")
print("ok")
