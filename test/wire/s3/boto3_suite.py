"""Drives a running S3 endpoint by boto3. Arguments: endpoint, access key id, secret access key, session token or ''."""

import base64
import concurrent.futures
import datetime
import hashlib
import io
import os
import sys
import urllib.error
import urllib.request
import zlib

import boto3
from boto3.s3.transfer import TransferConfig
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


def test_copies():
    put("source ü", b"copy me", ContentType="a/b", Metadata={"m": "1"}, Tagging="t=1")
    source = {"Bucket": BUCKET, "Key": "source ü"}
    reply = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source)["CopyObjectResult"]
    assert reply["ETag"] == f'"{hashlib.md5(b"copy me").hexdigest()}"'
    found = s3.get_object(Bucket=BUCKET, Key="copy")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"copy me", "a/b", {"m": "1"})
    assert s3.get_object_tagging(Bucket=BUCKET, Key="copy")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(
        Bucket=BUCKET, Key="copy", CopySource=source, MetadataDirective="REPLACE", ContentType="c/d", Metadata={"n": "2"}
    )
    found = s3.head_object(Bucket=BUCKET, Key="copy")
    assert (found["ContentType"], found["Metadata"]) == ("c/d", {"n": "2"})
    refused("InvalidRequest", 400, s3.copy_object, Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/copy")
    s3.copy_object(
        Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/copy", MetadataDirective="REPLACE", Metadata={"o": "3"}
    )
    assert s3.head_object(Bucket=BUCKET, Key="copy")["Metadata"] == {"o": "3"}
    assert body_of("copy") == b"copy me"
    refused("NoSuchKey", 404, s3.copy_object, Bucket=BUCKET, Key="c", CopySource=f"{BUCKET}/none")
    refused("NoSuchBucket", 404, s3.copy_object, Bucket=BUCKET, Key="c", CopySource="no-such-bucket/none")
    refused(
        "PreconditionFailed", 412, s3.copy_object, Bucket=BUCKET, Key="c", CopySource=source, CopySourceIfMatch='"x"'
    )
    s3.create_bucket(Bucket="copy-target")
    s3.copy_object(Bucket="copy-target", Key="k", CopySource=source)
    s3.delete_object(Bucket=BUCKET, Key="source ü")
    assert s3.get_object(Bucket="copy-target", Key="k")["Body"].read() == b"copy me"


def test_multipart():
    data = os.urandom(17 * MIB + 5)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=6 * MIB, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(data), BUCKET, "big", Config=config, ExtraArgs={"Metadata": {"a": "b"}})
    found = s3.head_object(Bucket=BUCKET, Key="big")
    parts = [data[at : at + 6 * MIB] for at in range(0, len(data), 6 * MIB)]
    md5s = b"".join(hashlib.md5(part).digest() for part in parts)
    assert found["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    assert found["Metadata"] == {"a": "b"}
    target = io.BytesIO()
    s3.download_fileobj(BUCKET, "big", target, Config=config)
    assert target.getvalue() == data
    part = s3.get_object(Bucket=BUCKET, Key="big", PartNumber=2)
    assert part["Body"].read() == parts[1] and part["PartsCount"] == 3
    refused("InvalidPartNumber", 416, s3.get_object, Bucket=BUCKET, Key="big", PartNumber=4)
    s3.copy({"Bucket": BUCKET, "Key": "big"}, BUCKET, "big-copy", Config=config)
    assert body_of("big-copy") == data
    assert body_of("big", Range=f"bytes={6 * MIB - 3}-{6 * MIB + 2}") == data[6 * MIB - 3 : 6 * MIB + 3]


def test_multipart_by_hand():
    upload = {"Bucket": BUCKET, "Key": "by-hand"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ContentType="a/b", ChecksumAlgorithm="SHA256")["UploadId"]
    bodies = [os.urandom(5 * MIB), b"tail"]
    parts = []
    for number, body in enumerate(bodies, 1):
        reply = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        assert reply["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()
        parts.append({"PartNumber": number, "ETag": reply["ETag"], "ChecksumSHA256": reply["ChecksumSHA256"]})
    listed = s3.list_parts(**upload)
    assert [(part["PartNumber"], part["Size"]) for part in listed["Parts"]] == [(1, 5 * MIB), (2, 4)]
    page = s3.list_parts(**upload, MaxParts=1)
    assert page["IsTruncated"] and page["NextPartNumberMarker"] == 1
    assert s3.list_parts(**upload, PartNumberMarker=1)["Parts"][0]["PartNumber"] == 2
    uploads = s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    assert [(item["Key"], item["UploadId"]) for item in uploads] == [("by-hand", upload["UploadId"])]
    refused("404", 404, s3.head_object, Bucket=BUCKET, Key="by-hand")
    wrong = [dict(parts[0], ETag='"' + "0" * 32 + '"'), parts[1]]
    refused("InvalidPart", 400, s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": wrong})
    refused("InvalidPartOrder", 400, s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts[::-1]})
    refused("MalformedXML", 400, s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": []})
    reply = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    digests = b"".join(hashlib.sha256(body).digest() for body in bodies)
    assert reply["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(digests).digest()).decode() + "-2"
    assert body_of("by-hand") == b"".join(bodies)
    again = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert again["ETag"] == reply["ETag"]
    attributes = s3.get_object_attributes(
        Bucket=BUCKET, Key="by-hand", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize", "StorageClass"]
    )
    assert attributes["ObjectSize"] == 5 * MIB + 4 and attributes["ObjectParts"]["TotalPartsCount"] == 2
    assert [part["Size"] for part in attributes["ObjectParts"]["Parts"]] == [5 * MIB, 4]
    assert attributes["ETag"] == reply["ETag"].strip('"') and attributes["StorageClass"] == "STANDARD"


def test_full_object_checksum():
    upload = {"Bucket": BUCKET, "Key": "full"}
    bodies = [os.urandom(5 * MIB), os.urandom(777)]
    started = s3.create_multipart_upload(**upload, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    upload["UploadId"] = started["UploadId"]
    parts = []
    for number, body in enumerate(bodies, 1):
        reply = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": reply["ETag"], "ChecksumCRC32": reply["ChecksumCRC32"]})
    expected = base64.b64encode(zlib.crc32(b"".join(bodies)).to_bytes(4, "big")).decode()
    complete = dict(upload, MultipartUpload={"Parts": parts}, ChecksumType="FULL_OBJECT")
    refused("BadDigest", 400, s3.complete_multipart_upload, **complete, ChecksumCRC32="AAAAAA==")
    reply = s3.complete_multipart_upload(**complete, ChecksumCRC32=expected)
    assert reply["ChecksumCRC32"] == expected
    assert s3.head_object(Bucket=BUCKET, Key="full", ChecksumMode="ENABLED")["ChecksumCRC32"] == expected


def test_abandoned_multipart():
    upload = {"Bucket": BUCKET, "Key": "abandoned"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    small = [
        {"PartNumber": n, "ETag": s3.upload_part(**upload, PartNumber=n, Body=b"small")["ETag"]} for n in (1, 2)
    ]
    refused("EntityTooSmall", 400, s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": small})
    refused("InvalidArgument", 400, s3.upload_part, **upload, PartNumber=10_001, Body=b"x")
    s3.abort_multipart_upload(**upload)
    refused("NoSuchUpload", 404, s3.abort_multipart_upload, **upload)
    refused("NoSuchUpload", 404, s3.upload_part, **upload, PartNumber=1, Body=b"x")
    refused("NoSuchUpload", 404, s3.list_parts, **upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET, Prefix="abandoned")


def test_list_uploads():
    keys = ["up/a/1", "up/a/2", "up/b", "up/b", "up/c"]
    ids = [s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"] for key in keys]
    for size in (1, 2, 1000):
        pages = s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=BUCKET, Prefix="up/", PaginationConfig={"PageSize": size}
        )
        uploads = [item for page in pages for item in page.get("Uploads", [])]
        assert [item["Key"] for item in uploads] == keys
        assert {item["UploadId"] for item in uploads} == set(ids)
    page = s3.list_multipart_uploads(Bucket=BUCKET, Prefix="up/", Delimiter="/")
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["up/a/"]
    for key, upload_id in zip(keys, ids):
        s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload_id)


def test_checksums():
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        member = f"Checksum{algorithm}"
        reply = put("sum", b"hello", ChecksumAlgorithm=algorithm)
        found = s3.get_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED")
        assert found[member] == reply[member] and found["Body"].read() == b"hello"
        assert member not in s3.get_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED", Range="bytes=0-1")
        wrong = base64.b64encode(bytes(len(base64.b64decode(reply[member])))).decode()
        refused("BadDigest", 400, put, key="sum", body=b"other", **{member: wrong})
    wrong_md5 = base64.b64encode(hashlib.md5(b"else").digest()).decode()
    refused("BadDigest", 400, put, key="sum", body=b"other", ContentMD5=wrong_md5)
    refused("InvalidDigest", 400, put, key="sum", body=b"other", ContentMD5="bm9uZQ==")
    assert body_of("sum") == b"hello"


def test_tags():
    put("tagged")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b <&>", "Value": "ü"}]
    s3.put_object_tagging(Bucket=BUCKET, Key="tagged", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"] == tags
    assert s3.get_object(Bucket=BUCKET, Key="tagged")["TagCount"] == 2
    s3.delete_object_tagging(Bucket=BUCKET, Key="tagged")
    assert s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"] == []
    many = [{"Key": str(number), "Value": ""} for number in range(11)]
    refused("InvalidTag", 400, s3.put_object_tagging, Bucket=BUCKET, Key="tagged", Tagging={"TagSet": many})


def test_presigned_urls():
    for version in ("s3v4", "s3"):
        signer = client(signature_version=version)
        url = signer.generate_presigned_url(
            "put_object", Params={"Bucket": BUCKET, "Key": "pre signed", "ContentType": "a/b", "Metadata": {"m": "1"}}
        )
        headers = {"Content-Type": "a/b", "x-amz-meta-m": "1"}
        urllib.request.urlopen(urllib.request.Request(url, b"by URL", headers, method="PUT")).close()
        assert s3.head_object(Bucket=BUCKET, Key="pre signed")["Metadata"] == {"m": "1"}
        url = signer.generate_presigned_url(
            "get_object", Params={"Bucket": BUCKET, "Key": "pre signed", "ResponseContentType": "c/d"}
        )
        with urllib.request.urlopen(url) as reply:
            assert (reply.read(), reply.headers["Content-Type"]) == (b"by URL", "c/d")
        expired = signer.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "k"}, ExpiresIn=-10)
        tampered = url.replace("pre%20signed", "another")
        for bad, code in ((expired, b"<Code>"), (tampered, b"<Code>SignatureDoesNotMatch</Code>")):
            try:
                urllib.request.urlopen(bad)
                raise AssertionError(f"{bad} was let in")
            except urllib.error.HTTPError as error:
                assert error.code in (400, 403) and code in error.read()


def test_who_may_not():
    refused("InvalidAccessKeyId", 403, client(key_id="AKIANOBODY").list_buckets)
    refused("SignatureDoesNotMatch", 403, client(secret="wrong").list_buckets)
    refused("AuthorizationHeaderMalformed", 400, client(region="eu-west-1").list_buckets)
    try:
        urllib.request.urlopen(f"{ENDPOINT}/{BUCKET}/range")
        raise AssertionError("an anonymous request was let in")
    except urllib.error.HTTPError as error:
        assert error.code == 403 and b"<Code>AccessDenied</Code>" in error.read()


def test_virtual_host_style():
    bucket_host = ENDPOINT.replace("127.0.0.1", "localhost")
    virtual = client(bucket_host, s3={"addressing_style": "virtual"})
    # No resolver is asked for bucket.localhost: the connection goes to the address, the Host header says the rest.
    import socket

    resolve = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *rest, **named: resolve(
        "127.0.0.1" if host.endswith(".localhost") else host, *rest, **named
    )
    try:
        virtual.put_object(Bucket=BUCKET, Key="virtual/key", Body=b"v")
        assert virtual.get_object(Bucket=BUCKET, Key="virtual/key")["Body"].read() == b"v"
        assert virtual.list_objects_v2(Bucket=BUCKET, Prefix="virtual/")["KeyCount"] == 1
    finally:
        socket.getaddrinfo = resolve


s3.create_bucket(Bucket=BUCKET)
for name, check in list(globals().items()):
    if name.startswith("test_"):
        check()
        print("ok", name, flush=True)
