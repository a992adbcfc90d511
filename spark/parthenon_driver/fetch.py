"""What a session's properties name somewhere else, brought into its driver's folder by Spark's own code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .java_names import java_class, spark_conf

#: What is there in place already: a file of this machine, and one that Spark finds on each executor's.
_IN_PLACE = ("", "file", "local")
#: Where an AWS error's own words end and what only AWS's support can use begins.
_AWS_DETAILS = re.compile(r" \(Service: .*", re.DOTALL)
_JAVA_CLASS = re.compile(r"^(?:[a-z]\w*\.)+[A-Z]\w*: ")


class DependencyFailed(Exception):
    """Something that a session brings is not to be had; the message is one sentence that names it."""


class Fetcher:
    """Fetches files with the session's own keys."""

    def __init__(self, properties: Mapping[str, str], folder: Path) -> None:
        """
        :param properties: all of the session's, `spark.hadoop.*` among them
        :param folder: where what is fetched goes
        """
        self._folder = folder
        self._spark = spark_conf(properties, with_defaults=False)
        self._hadoop = java_class("org.apache.spark.deploy.SparkHadoopUtil").get().newConfiguration(self._spark)
        self._utils = java_class("org.apache.spark.util.DependencyUtils")

    def fetch(self, name: str, addresses: str) -> list[str]:
        """Fetches what a property lists.

        :param name: the property's, for errors; a folder of its name keeps its files apart from others'
        :param addresses: as Spark takes them: commas between, patterns in S3 and in folders, `#alias` at the end
        :returns: `file:` addresses of this machine, `local:` ones as they were
        :raises DependencyFailed: with the first address that could not be fetched
        """
        found: list[str] = []
        for address in filter(None, map(str.strip, addresses.split(","))):
            found += self._say(name, address, lambda: self._fetch(name, address))
        return found

    def _fetch(self, name: str, address: str) -> list[str]:
        resolved = self._utils.resolveGlobPaths(address, self._hadoop)
        return [self._download(name, each) for each in resolved.split(",") if each]

    def _download(self, name: str, address: str) -> str:
        bare, hash_sign, alias = address.partition("#")
        folder = self._folder / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        local = self._utils.downloadFile(bare, java_class("java.io.File")(str(folder)), self._spark, self._hadoop)
        if (path := local_path(local)) and not path.exists():
            raise FileNotFoundError("no such file")
        return local + hash_sign + alias

    def _say(self, name: str, address: str, fetch: Callable[[], list[str]]) -> list[str]:
        from py4j.protocol import Py4JJavaError

        try:
            return fetch()
        except (Py4JJavaError, OSError) as error:
            reason = _reason(error.java_exception) if isinstance(error, Py4JJavaError) else str(error)
            raise DependencyFailed(f"{name}: {address} could not be fetched: {reason}") from error


def local_path(address: str) -> Path | None:
    """Where a `file:` address lies, without its alias; None for one that every machine has to have by itself."""
    parts = urlsplit(address)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _reason(error: Any) -> str:
    """Why in a few words, from the innermost exception: those around it only tell the way."""
    while (cause := error.getCause()) is not None:
        error = cause
    kind, message = error.getClass().getSimpleName(), error.getMessage() or ""
    if kind in ("FileNotFoundException", "NoSuchKey"):
        return "not found"
    if kind == "UnknownHostException":
        return f"unknown host {message}"
    message = _JAVA_CLASS.sub("", _AWS_DETAILS.sub("", message.splitlines()[0] if message else kind))
    return message[:1].lower() + message[1:] if message[:2].istitle() else message
