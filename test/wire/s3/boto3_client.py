"""The client of the boto3 suite, and what its tests say with it. Arguments: endpoint, access key id, secret access key, session token or ''."""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, KEY_ID, SECRET, TOKEN = sys.argv[1:5]
BUCKET = "boto3-suite"
MIB = 1024 * 1024


def client(endpoint=ENDPOINT, **settings):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=settings.pop("key_id", KEY_ID),
        aws_secret_access_key=settings.pop("secret", SECRET),
        aws_session_token=TOKEN or None,
        region_name=settings.pop("region", "us-east-1"),
        config=Config(retries={"max_attempts": 1}, **settings),
    )


s3 = client()


def refused(code, status, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), f"{found} in place of {(code, status)}: {error}"
        return error.response
    raise AssertionError(f"{call} was not refused with {code}")


def put(key, body=b"x", **arguments):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=body, **arguments)


def body_of(key, **arguments):
    return s3.get_object(Bucket=BUCKET, Key=key, **arguments)["Body"].read()
