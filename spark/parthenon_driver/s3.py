"""The session's way to S3: the same keys for Spark, boto3, pandas and the AWS CLI, and never in the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .launch import Launch

_S3A = "org.apache.hadoop.fs.s3a"


def s3_properties(s3: Mapping[str, Any], properties: Mapping[str, str]) -> dict[str, str]:
    """Spark properties by which `s3://` and `s3a://` reach the session's store.

    :param s3: `endpoint`, `region`, `path_style`, `credentials` of the assignment
    :param properties: the session's own, for those of Amazon's names that S3A has another word for
    """
    credentials = s3["credentials"]
    token = credentials.get("session_token")
    provider = "TemporaryAWSCredentialsProvider" if token else "SimpleAWSCredentialsProvider"
    hadoop = {
        "fs.s3.impl": f"{_S3A}.S3AFileSystem",
        # No fs.AbstractFileSystem.s3.impl: S3A's refuses the scheme s3, and Spark's streams and Delta do without.
        "fs.AbstractFileSystem.s3a.impl": f"{_S3A}.S3A",
        "fs.s3a.endpoint": s3["endpoint"],
        "fs.s3a.endpoint.region": s3["region"],
        "fs.s3a.path.style.access": str(s3["path_style"]).lower(),
        "fs.s3a.connection.ssl.enabled": str(not s3["endpoint"].startswith("http:")).lower(),
        "fs.s3a.aws.credentials.provider": f"{_S3A}.{provider}",
        "fs.s3a.access.key": credentials["access_key_id"],
        "fs.s3a.secret.key": credentials["secret_access_key"],
        # An object that is overwritten while it is read is read on, as EMR's own file system does.
        "fs.s3a.change.detection.mode": "none",
    }
    if token:
        hadoop["fs.s3a.session.token"] = token
    requester_pays = properties.get("spark.hadoop.fs.s3.useRequesterPaysHeader")
    if requester_pays is not None:
        hadoop["fs.s3a.requester.pays.enabled"] = requester_pays
    return {f"spark.hadoop.{name}": value for name, value in hadoop.items()}


def write_aws_files(launch: Launch, s3: Mapping[str, Any]) -> None:
    """Writes the `credentials` and `config` files that all AWS SDKs read; their paths are in the environment."""
    credentials = s3["credentials"]
    lines = [
        "[default]",
        f"aws_access_key_id = {credentials['access_key_id']}",
        f"aws_secret_access_key = {credentials['secret_access_key']}",
    ]
    if token := credentials.get("session_token"):
        lines.append(f"aws_session_token = {token}")
    _write_privately(launch.aws_credentials, lines)
    _write_privately(
        launch.aws_config,
        [
            "[default]",
            f"region = {s3['region']}",
            f"endpoint_url = {s3['endpoint']}",
            "s3 =",
            f"    addressing_style = {'path' if s3['path_style'] else 'auto'}",
        ],
    )
    # No secrets, and some SDKs look nowhere else.
    os.environ.update(
        AWS_ENDPOINT_URL=s3["endpoint"], AWS_REGION=s3["region"], AWS_DEFAULT_REGION=s3["region"]
    )


def _write_privately(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
