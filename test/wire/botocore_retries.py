"""Calls GetSession by botocore in one of its retry modes: how many attempts it took, and the error that came of them, as JSON."""

import json
import sys

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, region, key_id, secret, mode = sys.argv[1:]
client = botocore.session.Session().create_client(
    "athena",
    region_name=region,
    endpoint_url=endpoint,
    aws_access_key_id=key_id,
    aws_secret_access_key=secret,
    config=Config(retries={"mode": mode, "total_max_attempts": 3}),
)
try:
    answer, error = client.get_session(SessionId="11111111-1111-4111-8111-111111111111"), None
except ClientError as refusal:
    answer, error = refusal.response, refusal.response["Error"]["Code"]
json.dump({"attempts": answer["ResponseMetadata"]["RetryAttempts"] + 1, "error": error}, sys.stdout)
