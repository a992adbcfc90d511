"""Copies, uploads in parts, checksums, tags, and who may ask."""

import base64
import hashlib
import io
import os
import urllib.error
import urllib.request
import zlib

from boto3.s3.transfer import TransferConfig

from boto3_client import BUCKET, ENDPOINT, MIB, body_of, client, put, refused, s3


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
