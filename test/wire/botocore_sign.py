"""Signs requests with botocore: a list of them as JSON on stdin, what goes over the wire as JSON on stdout."""

import json
import sys

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SIGNERS = {
    ("athena", False): lambda c, s, r, e: auth.SigV4Auth(c, s, r),
    ("athena", True): lambda c, s, r, e: auth.SigV4QueryAuth(c, s, r, expires=e),
    ("s3", False): lambda c, s, r, e: auth.S3SigV4Auth(c, s, r),
    ("s3", True): lambda c, s, r, e: auth.S3SigV4QueryAuth(c, s, r, expires=e),
}


def sign(case):
    request = AWSRequest(method=case["method"], url=case["url"], headers=case["headers"], data=case.get("body"))
    key = case["key"]
    credentials = Credentials(key["accessKeyId"], key["secretAccessKey"], key.get("sessionToken"))
    expires = case.get("expiresIn")
    signer = SIGNERS[case["service"], expires is not None](credentials, case["service"], case["region"], expires)
    signer.add_auth(request)
    prepared = request.prepare()
    headers = {name.lower(): as_text(value) for name, value in prepared.headers.items()}
    return {"method": prepared.method, "url": prepared.url, "headers": headers}


def as_text(value):
    return value.decode() if isinstance(value, bytes) else value


json.dump([sign(case) for case in json.load(sys.stdin)], sys.stdout)
