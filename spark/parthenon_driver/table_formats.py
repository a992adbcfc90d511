"""Iceberg, Delta and Hudi by properties alone, and what AWS's own values stand for where there is no Glue.

What is translated, and why Hudi's jar is kept apart: docs/decisions/0040-table-formats.md.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_LOG = logging.getLogger("parthenon.table_formats")

_ICEBERG = "org.apache.iceberg."
_ICEBERG_CATALOGS = frozenset(f"{_ICEBERG}spark.{name}" for name in ("SparkSessionCatalog", "SparkCatalog"))
_GLUE_CATALOG = f"{_ICEBERG}aws.glue.GlueCatalog"
_S3_FILE_IO = f"{_ICEBERG}aws.s3.S3FileIO"
#: Chooses by the scheme of each path: S3FileIO for `s3://`, Hadoop's file systems for others.
_RESOLVING_FILE_IO = f"{_ICEBERG}io.ResolvingFileIO"

#: Who gives S3FileIO the keys; what begins with it is told to that one.
_ICEBERG_KEYS = "client.credentials-provider"
#: A catalog plugin's own entry, `spark.sql.catalog.<name>`; what has another dot is a property of it.
_CATALOG = re.compile(r"spark\.sql\.catalog\.([^.]+)")
_METASTORE = "spark.hadoop.hive.metastore.uris"
#: The metastore's locks last for a minute without a word of their holder: src/catalog/site-files.ts.
_LOCK_HEARTBEAT = ("spark.hadoop.iceberg.hive.lock-heartbeat-interval-ms", "15000")
#: Added to a catalog's properties, for people: Iceberg does not know it.
_STANDS_FOR = "stands-for"
_WAREHOUSE = "spark.sql.warehouse.dir"
#: Spark's own default, below the driver's working directory.
_LOCAL_WAREHOUSE = "spark-warehouse"

#: A jar of a table format, without scala's and its own version: `iceberg-spark-runtime`, `delta-spark`, `hudi-spark`.
_FORMAT_JAR = re.compile(r"(?:iceberg|delta|hudi)-[a-z-]*[a-z]")
_DELTA_CLASS = re.compile(r"\borg\.apache\.spark\.sql\.delta\.|\bio\.delta\.")
#: Commits by conditional writes: spark/java/delta.
_DELTA_LOG_STORE = "parthenon.delta.S3LogStore"
_DELTA_LOG_STORES = "spark.delta.logStore."
_HUDI_CLASS = re.compile(r"org\.apache\.(?:spark\.sql\.)?hudi\.|\.Hoodie")
_HUDI_CONCURRENCY = "hoodie.write.concurrency.mode"
#: Several sessions may write a table: each commit takes the table's lock (spark/java/hudi) and looks for conflicts.
_HUDI_DEFAULTS = {
    _HUDI_CONCURRENCY: "OPTIMISTIC_CONCURRENCY_CONTROL",
    "hoodie.write.lock.provider": "parthenon.hudi.TableLock",
    # A session that was killed holds up the table for a minute, not for five; Hudi wants ten renewals in that time.
    "hoodie.write.lock.storage.validity.timeout.secs": "60",
    "hoodie.write.lock.storage.renew.interval.secs": "6",
}
#: Properties by which a session brings jars.
_OWN_JARS = ("spark.jars", "spark.jars.packages", "spark.driver.extraClassPath")


def with_table_formats(properties: Mapping[str, str], s3: Mapping[str, Any], keys_file: Path) -> dict[str, str]:
    """A session's properties as its table formats need them here; what the session set itself stays.

    :param properties: all properties of the session
    :param s3: `endpoint`, `region`, `path_style` of the assignment
    :param keys_file: where the session's keys lie
    """
    return _with_delta(with_iceberg(properties, s3, keys_file))


def with_iceberg(properties: Mapping[str, str], s3: Mapping[str, Any], keys_file: Path) -> dict[str, str]:
    """A session's properties as its Iceberg catalogs need them here; what is no Iceberg catalog's stays.

    :param properties: all properties of the session
    :param s3: `endpoint`, `region`, `path_style` of the assignment
    :param keys_file: where the session's keys lie
    """
    translated = dict(properties)
    for name, plugin in properties.items():
        catalog = _CATALOG.fullmatch(name)
        if not catalog or plugin not in _ICEBERG_CATALOGS:
            continue
        prefix = f"{name}."
        own = {key.removeprefix(prefix): value for key, value in properties.items() if key.startswith(prefix)}
        for key in own:
            del translated[prefix + key]
        for key, value in _catalog_properties(catalog[1], own, properties, _s3_client(s3, own, keys_file)).items():
            translated[prefix + key] = value
        translated.setdefault(*_LOCK_HEARTBEAT)
    return translated


def _with_delta(properties: Mapping[str, str]) -> dict[str, str]:
    """Delta's log in S3 as several sessions can write it, unless the session chose a log itself or brings a Delta."""
    chosen = any(name.startswith(_DELTA_LOG_STORES) for name in properties)
    if chosen or "delta-" in _brought(properties) or not any(map(_DELTA_CLASS.search, properties.values())):
        return dict(properties)
    return {**properties, **{f"{_DELTA_LOG_STORES}{scheme}.impl": _DELTA_LOG_STORE for scheme in ("s3", "s3a")}}


def first_jars(jars: Iterable[str], properties: Mapping[str, str]) -> list[str]:
    """Which jars a JVM has on its class path from the start; `properties` are empty where it learns them later.

    A table format that the session brings in a version of its own is left out: of two, the class path's would win.
    """
    brought = _brought(properties)
    wanted = [jar for jar in jars if not _is_hudi(jar) or _wants_our_hudi(properties)]
    return [jar for jar in wanted if not ((form := _FORMAT_JAR.match(Path(jar).name)) and form[0] in brought)]


def add_late_jars(jars: Iterable[str], properties: Mapping[str, str]) -> None:
    """Gives a JVM that started without properties the jars that they ask for; before its SparkContext is made.

    Hudi gets its defaults too, which it takes from its process alone; a table's, a statement's and those that an
    operator keeps in /etc/hudi/conf win over them.
    """
    if not _wants_our_hudi(properties):
        return
    from pyspark import SparkContext

    jvm = SparkContext._jvm
    assert jvm
    loader = jvm.Thread.currentThread().getContextClassLoader()
    for jar in filter(_is_hudi, jars):
        loader.addURL(jvm.java.io.File(jar).toURI().toURL())
    hudi = jvm.org.apache.hudi.common.config.DFSPropertiesConfiguration
    if not hudi.getGlobalProps().containsKey(_HUDI_CONCURRENCY):
        for name, value in _HUDI_DEFAULTS.items():
            hudi.addToGlobalProps(name, value)


def _brought(properties: Mapping[str, str]) -> str:
    """The names of the jars that a session brings."""
    return " ".join(properties.get(name, "") for name in _OWN_JARS)


def stand_ins(properties: Iterable[tuple[str, str]]) -> list[str]:
    """For people: which catalogs of a session are another than was asked for, a line each."""
    known = dict(properties)
    return [
        f"Catalog {catalog[1]}: type={known.get(f'{catalog[0]}.type')} stands for {asked}"
        for name, asked in sorted(known.items())
        if name.endswith(f".{_STANDS_FOR}") and (catalog := _CATALOG.fullmatch(name.removesuffix(f".{_STANDS_FOR}")))
    ]


def _is_hudi(jar: str) -> bool:
    return Path(jar).name.startswith(("hudi-", "parthenon-hudi"))


def _wants_our_hudi(properties: Mapping[str, str]) -> bool:
    return "hudi-" not in _brought(properties) and any(_HUDI_CLASS.search(value) for value in properties.values())


def _catalog_properties(
    catalog: str, own: Mapping[str, str], properties: Mapping[str, str], s3_client: Mapping[str, str]
) -> dict[str, str]:
    """The properties of one Iceberg catalog, without their prefix."""
    result = dict(own)
    if own.get("catalog-impl") == _GLUE_CATALOG or own.get("type", "").lower() == "glue":
        result[_STANDS_FOR] = result.pop("catalog-impl", _GLUE_CATALOG)
        result["type"] = "hive" if "uri" in own or properties.get(_METASTORE) else "hadoop"
        stand_in = "the Hive metastore" if result["type"] == "hive" else "a catalog of files in its warehouse"
        _LOG.warning("Iceberg catalog %s: %s stands for AWS Glue (type=%s)", catalog, stand_in, result["type"])
    if "catalog-impl" not in result and result.get("type", "hive").lower() in ("hive", "hadoop"):
        result.setdefault("warehouse", properties.get(_WAREHOUSE) or Path(_LOCAL_WAREHOUSE).absolute().as_uri())
        if result.get("io-impl") == _S3_FILE_IO and not result["warehouse"].startswith(("s3:", "s3a:", "s3n:")):
            result["io-impl"] = _RESOLVING_FILE_IO
            _LOG.warning("Iceberg catalog %s: %s is not in S3; io-impl=ResolvingFileIO", catalog, result["warehouse"])
    if result.get("io-impl") in (_S3_FILE_IO, _RESOLVING_FILE_IO):
        result = {**s3_client, **result}
    return result


def _s3_client(s3: Mapping[str, Any], own: Mapping[str, str], keys_file: Path) -> dict[str, str]:
    """The session's way to S3, in Iceberg's names: https://iceberg.apache.org/docs/1.10.1/aws/"""
    client = {
        "client.region": s3["region"],
        "s3.endpoint": s3["endpoint"],
        "s3.path-style-access": str(s3["path_style"]).lower(),
    }
    if "s3.access-key-id" not in own and _ICEBERG_KEYS not in own:
        client[_ICEBERG_KEYS] = "parthenon.s3.IcebergCredentialsProvider"
        client[f"{_ICEBERG_KEYS}.file"] = str(keys_file)
    return client
