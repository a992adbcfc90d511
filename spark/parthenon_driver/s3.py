"""The session's way to S3: the same keys for Spark, boto3, pandas and the AWS CLI, and never in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .launch import Launch

_S3A = "org.apache.hadoop.fs.s3a"
#: spark/java/s3
_OURS = "parthenon.s3"


def s3_properties(s3: Mapping[str, Any], properties: Mapping[str, str], keys_file: Path) -> dict[str, str]:
    """Spark properties by which `s3://` and `s3a://` reach the session's store.

    :param s3: `endpoint`, `region`, `path_style` of the assignment
    :param properties: the session's own, for those of Amazon's names that S3A has another word for
    :param keys_file: where the session's keys lie, which change while it lives
    """
    hadoop = {
        "fs.s3.impl": f"{_S3A}.S3AFileSystem",
        # No fs.AbstractFileSystem.s3.impl: S3A's refuses the scheme s3, and Spark's streams and Delta do without.
        "fs.AbstractFileSystem.s3a.impl": f"{_S3A}.S3A",
        "fs.s3a.endpoint": s3["endpoint"],
        "fs.s3a.endpoint.region": s3["region"],
        "fs.s3a.path.style.access": str(s3["path_style"]).lower(),
        "fs.s3a.connection.ssl.enabled": str(not s3["endpoint"].startswith("http:")).lower(),
        # Keys that code sets itself, for a bucket of somebody else's say, come first.
        "fs.s3a.aws.credentials.provider": f"{_S3A}.TemporaryAWSCredentialsProvider,"
        f"{_S3A}.SimpleAWSCredentialsProvider,{_OURS}.SessionCredentialsProvider",
        f"{_OURS}.keys.file": str(keys_file),
        # An object that is overwritten while it is read is read on, as EMR's own file system does.
        "fs.s3a.change.detection.mode": "none",
    }
    requester_pays = properties.get("spark.hadoop.fs.s3.useRequesterPaysHeader")
    if requester_pays is not None:
        hadoop["fs.s3a.requester.pays.enabled"] = requester_pays
    return {f"spark.hadoop.{name}": value for name, value in hadoop.items()}


def write_aws_files(launch: Launch, s3: Mapping[str, Any]) -> None:
    """Writes the session's keys, and the `config` file that all AWS SDKs read; its path is in the environment.

    The SDKs have the keys by a command, since they ask again for what such a command gives, shortly before it ends; keys that
    lie in the `credentials` file they read once.
    """
    write_keys(launch, s3["credentials"])
    _write_privately(
        launch.aws_config,
        [
            "[default]",
            f"region = {s3['region']}",
            f"endpoint_url = {s3['endpoint']}",
            f'credential_process = /bin/cat "{launch.keys_file}"',
            "s3 =",
            f"    addressing_style = {'path' if s3['path_style'] else 'auto'}",
        ],
    )
    # No secrets, and some SDKs look nowhere else.
    os.environ.update(
        AWS_ENDPOINT_URL=s3["endpoint"], AWS_REGION=s3["region"], AWS_DEFAULT_REGION=s3["region"]
    )


def write_keys(launch: Launch, credentials: Mapping[str, Any]) -> None:
    """Puts keys in place of those before, as a whole, in the form that AWS's SDKs expect of a `credential_process`.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html

    :param credentials: `access_key_id`, `secret_access_key`, and of keys that end `session_token` and `expiration`
    """
    names = {
        "AccessKeyId": "access_key_id",
        "SecretAccessKey": "secret_access_key",
        "SessionToken": "session_token",
        "Expiration": "expiration",
    }
    keys = {name: credentials[member] for name, member in names.items() if credentials.get(member)}
    _write_privately(launch.keys_file, [json.dumps({"Version": 1, **keys})])


def _write_privately(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    unfinished.replace(path)
