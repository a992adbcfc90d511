"""AWS SDK for pandas, unmodified: a session with Spark properties and a calculation in it."""

import awswrangler as wr
import boto3

session = wr.athena.create_spark_session(
    workgroup="primary",
    max_concurrent_dpus=2,
    spark_properties={"spark.sql.shuffle.partitions": "3"},
)
result = wr.athena.run_spark_calculation(
    code="print(spark.range(100).groupBy().sum().first()[0], spark.conf.get('spark.sql.shuffle.partitions'))",
    workgroup="primary",
    session_id=session,
)
assert result["Status"]["State"] == "COMPLETED", result
bucket, key = result["Result"]["StdOutS3Uri"].removeprefix("s3://").split("/", 1)
text = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
assert text == "4950 3\n", text
try:
    wr.athena.run_spark_calculation(code="1/0", workgroup="primary", session_id=session)
except wr.exceptions.CalculationFailed as error:
    assert "ZeroDivisionError" in str(error), error
else:
    raise AssertionError("a failed calculation must raise")
boto3.client("athena").terminate_session(SessionId=session)
print("ok")
