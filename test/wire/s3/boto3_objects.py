"""Buckets, objects, conditions and lists."""

import concurrent.futures
import datetime
import hashlib
import os

from botocore.exceptions import ClientError

from boto3_client import BUCKET, body_of, client, put, refused, s3


def test_buckets():
    s3.create_bucket(Bucket="another-bucket")
    s3.create_bucket(Bucket="another-bucket")  # us-east-1 does not mind
    assert {"another-bucket", BUCKET} <= {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert s3.head_bucket(Bucket="another-bucket")["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket="another-bucket")["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket="another-bucket")
    s3.put_object(Bucket="another-bucket", Key="k")
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket="another-bucket")
    s3.delete_object(Bucket="another-bucket", Key="k")
    s3.delete_bucket(Bucket="another-bucket")
    refused("404", 404, s3.head_bucket, Bucket="another-bucket")
    refused("NoSuchBucket", 404, s3.list_objects_v2, Bucket="another-bucket")
    refused("NoSuchBucket", 404, s3.put_object, Bucket="another-bucket", Key="k", Body=b"x")
    refused("InvalidBucketName", 400, s3.create_bucket, Bucket="192.168.1.1")
    refused(
        "IllegalLocationConstraintException",
        400,
        s3.create_bucket,
        Bucket="far-away",
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )


def test_what_is_not_configured_says_so():
    refused("ServerSideEncryptionConfigurationNotFoundError", 404, s3.get_bucket_encryption, Bucket=BUCKET)
    refused("NoSuchBucketPolicy", 404, s3.get_bucket_policy, Bucket=BUCKET)
    refused("NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=BUCKET)
    refused("NoSuchCORSConfiguration", 404, s3.get_bucket_cors, Bucket=BUCKET)
    refused("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=BUCKET)
    refused("NotImplemented", 501, s3.put_bucket_policy, Bucket=BUCKET, Policy="{}")
    refused(
        "NotImplemented", 501, s3.put_bucket_versioning, Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
    )
    put("owned", ACL="bucket-owner-full-control")
    assert s3.get_object_acl(Bucket=BUCKET, Key="owned")["Grants"][0]["Permission"] == "FULL_CONTROL"
    refused("AccessControlListNotSupported", 400, put, key="public", ACL="public-read")
    refused("NotImplemented", 501, put, key="sse-c", SSECustomerAlgorithm="AES256", SSECustomerKey=b"k" * 32)
    assert s3.get_bucket_acl(Bucket=BUCKET)["Grants"][0]["Permission"] == "FULL_CONTROL"


def test_objects_keep_what_was_said_of_them():
    body = os.urandom(100_000)
    expires = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    reply = put(
        "kept",
        body,
        ContentType="text/csv",
        ContentEncoding="gzip",
        ContentDisposition="attachment",
        ContentLanguage="de",
        CacheControl="no-store",
        Expires=expires,
        Metadata={"One": "1", "two": "zwei words"},
        StorageClass="STANDARD_IA",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId="arn:aws:kms:us-east-1:123456789012:key/k",
        Tagging="a=1&b=2%203",
    )
    assert reply["ServerSideEncryption"] == "aws:kms"
    assert reply["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    for found in (s3.head_object(Bucket=BUCKET, Key="kept"), s3.get_object(Bucket=BUCKET, Key="kept")):
        assert found["ContentLength"] == len(body)
        assert found["ContentType"] == "text/csv"
        assert found["ContentEncoding"] == "gzip"
        assert found["ContentDisposition"] == "attachment"
        assert found["ContentLanguage"] == "de"
        assert found["CacheControl"] == "no-store"
        assert found["ExpiresString"] == "Wed, 02 Jan 2030 03:04:05 GMT"
        assert found["Metadata"] == {"one": "1", "two": "zwei words"}, found["Metadata"]
        assert found["StorageClass"] == "STANDARD_IA"
        assert found["ServerSideEncryption"] == "aws:kms"
        assert found["SSEKMSKeyId"].endswith("key/k")
    assert body_of("kept") == body
    overridden = s3.get_object(Bucket=BUCKET, Key="kept", ResponseContentType="a/b", ResponseCacheControl="c")
    assert (overridden["ContentType"], overridden["CacheControl"]) == ("a/b", "c")
    refused("MetadataTooLarge", 400, put, key="k", Metadata={"a": "b" * 3000})


def test_keys_are_plain_strings():
    keys = ["dir", "dir/", "dir/a", "dir/a/", "dir//a", "ü/é", "a b+c%20d&e=f?g#h", "😀", "'quoted\"<&>", "a\r\nb", "..", "../x", "-", "~", "a:b@c,d;e"]
    for key in keys:
        put(key, key.encode())
    for key in keys:
        assert body_of(key) == key.encode(), key
    listed = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert set(keys) <= set(listed)
    assert listed == sorted(listed, key=str.encode)
    errors = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]}).get("Errors", [])
    assert errors == []
    assert not set(keys) & {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}
    refused("KeyTooLongError", 400, put, key="k" * 1025)


def test_ranges():
    put("range", b"0123456789")
    assert body_of("range", Range="bytes=2-4") == b"234"
    assert body_of("range", Range="bytes=7-") == b"789"
    assert body_of("range", Range="bytes=-3") == b"789"
    assert body_of("range", Range="bytes=-30") == b"0123456789"
    assert body_of("range", Range="bytes=5-100") == b"56789"
    assert body_of("range", Range="bytes=4-2") == b"0123456789"
    partial = s3.get_object(Bucket=BUCKET, Key="range", Range="bytes=2-4")
    assert partial["ContentRange"] == "bytes 2-4/10"
    assert partial["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert s3.head_object(Bucket=BUCKET, Key="range", Range="bytes=2-4")["ContentLength"] == 3
    error = refused("InvalidRange", 416, s3.get_object, Bucket=BUCKET, Key="range", Range="bytes=10-")
    assert error["Error"]["ActualObjectSize"] == "10"
    put("empty", b"")
    assert body_of("empty") == b""
    refused("InvalidRange", 416, s3.get_object, Bucket=BUCKET, Key="empty", Range="bytes=0-")


def test_conditional_reads():
    etag = put("conditional", b"x")["ETag"]
    past, future = datetime.datetime(2001, 1, 1), datetime.datetime(2101, 1, 1)
    assert body_of("conditional", IfMatch=etag, IfNoneMatch='"other"') == b"x"
    assert body_of("conditional", IfModifiedSince=past, IfUnmodifiedSince=future) == b"x"
    assert body_of("conditional", IfMatch=etag, IfUnmodifiedSince=past) == b"x"
    refused("PreconditionFailed", 412, s3.get_object, Bucket=BUCKET, Key="conditional", IfMatch='"other"')
    refused("PreconditionFailed", 412, s3.get_object, Bucket=BUCKET, Key="conditional", IfUnmodifiedSince=past)
    refused("304", 304, s3.get_object, Bucket=BUCKET, Key="conditional", IfNoneMatch=etag)
    refused("304", 304, s3.get_object, Bucket=BUCKET, Key="conditional", IfModifiedSince=datetime.datetime.now() + datetime.timedelta(days=1))
    refused("304", 304, s3.head_object, Bucket=BUCKET, Key="conditional", IfNoneMatch=etag)
    refused("412", 412, s3.head_object, Bucket=BUCKET, Key="conditional", IfMatch='"other"')


def test_conditional_writes():
    first = put("write", b"1", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", 412, put, key="write", body=b"2", IfNoneMatch="*")
    put("write", b"2", IfMatch=first)
    refused("PreconditionFailed", 412, put, key="write", body=b"3", IfMatch=first)
    refused("NoSuchKey", 404, put, key="nothing-there", IfMatch=first)
    assert body_of("write") == b"2"
    refused("PreconditionFailed", 412, s3.delete_object, Bucket=BUCKET, Key="write", IfMatch=first)

    def claim(number):
        try:
            client().put_object(Bucket=BUCKET, Key="claim", Body=str(number).encode(), IfNoneMatch="*")
            return number
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed", error
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(claim, range(24)) if number is not None]
    assert len(winners) == 1 and body_of("claim") == str(winners[0]).encode()


def test_missing():
    refused("NoSuchKey", 404, s3.get_object, Bucket=BUCKET, Key="none")
    refused("404", 404, s3.head_object, Bucket=BUCKET, Key="none")
    refused("NoSuchBucket", 404, s3.get_object, Bucket="no-such-bucket", Key="none")
    assert s3.delete_object(Bucket=BUCKET, Key="none")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_listing():
    keys = [f"list/{folder}/{file:02}" for folder in "abc" for file in range(5)] + ["list/z", "list/"]
    for key in keys:
        put(key)
    page = s3.list_objects_v2(Bucket=BUCKET, Prefix="list/", Delimiter="/")
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["list/a/", "list/b/", "list/c/"]
    assert [item["Key"] for item in page["Contents"]] == ["list/", "list/z"]
    assert page["KeyCount"] == 5 and not page["IsTruncated"]
    for version in ("list_objects", "list_objects_v2"):
        for size in (1, 2, 3, 1000):
            pages = s3.get_paginator(version).paginate(Bucket=BUCKET, Prefix="list/", PaginationConfig={"PageSize": size})
            assert [item["Key"] for page in pages for item in page.get("Contents", [])] == sorted(keys)
            pages = s3.get_paginator(version).paginate(
                Bucket=BUCKET, Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": size}
            )
            found = [entry for page in pages for entry in page.get("CommonPrefixes", []) + page.get("Contents", [])]
            names = sorted(entry.get("Prefix") or entry["Key"] for entry in found)
            assert names == ["list/", "list/a/", "list/b/", "list/c/", "list/z"], names
    after = s3.list_objects_v2(Bucket=BUCKET, Prefix="list/", StartAfter="list/c/03")
    assert [item["Key"] for item in after["Contents"]] == ["list/c/04", "list/z"]
    assert s3.list_objects_v2(Bucket=BUCKET, MaxKeys=0)["KeyCount"] == 0
    assert "Owner" in s3.list_objects_v2(Bucket=BUCKET, Prefix="list/z", FetchOwner=True)["Contents"][0]
    refused("InvalidArgument", 400, s3.list_objects_v2, Bucket=BUCKET, ContinuationToken="?")
    refused("InvalidArgument", 400, s3.list_objects_v2, Bucket=BUCKET, MaxKeys=-1)
    versions = s3.list_object_versions(Bucket=BUCKET, Prefix="list/z")["Versions"]
    assert [(item["Key"], item["VersionId"], item["IsLatest"]) for item in versions] == [("list/z", "null", True)]
