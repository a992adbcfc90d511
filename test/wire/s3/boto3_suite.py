"""Drives a running S3 endpoint by boto3; the arguments are those of boto3_client.py."""

import boto3_objects
import boto3_transfers
from boto3_client import BUCKET, s3

s3.create_bucket(Bucket=BUCKET)
for module in (boto3_objects, boto3_transfers):
    for name, check in list(vars(module).items()):
        if name.startswith("test_"):
            check()
            print("ok", name, flush=True)
