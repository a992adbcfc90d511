"""A session's own jars, packages, Python files, files and archives, in a warm JVM as in a fresh one.

What SparkSubmit does before it starts a program, done by the driver before it makes the session's SparkContext:
docs/decisions/0050-jars-of-sessions.md.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .cluster import is_cluster
from .fetch import Fetcher, local_path
from .java_names import java_class
from .launch import Launch
from .packages import PACKAGES, remember_repositories, resolve_packages

_JARS = "spark.jars"
_PYTHON_FILES = "spark.submit.pyFiles"
_FILES = "spark.files"
_ARCHIVES = "spark.archives"
_FETCHED = (_JARS, _PYTHON_FILES, _FILES, _ARCHIVES)

#: Cluster managers that take these from SparkSubmit alone.
_SUBMITTED_MASTERS = ("yarn", "k8s:")


def submitted(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties that SparkSubmit is to know of: without those that `with_dependencies` sees to."""
    if _goes_by_submit(properties):
        return dict(properties)
    return {name: value for name, value in properties.items() if name not in _FETCHED and name != PACKAGES}


def with_dependencies(properties: Mapping[str, str], launch: Launch) -> dict[str, str]:
    """Fetches what the properties name, and gives jars to the JVM's class loader; before the SparkContext is made.

    :param properties: all of the session's, `spark.hadoop.*` among them
    :returns: the same, with addresses of this machine: executors in other processes get the files from the driver
    :raises DependencyFailed: naming what could not be fetched, and why
    """
    if _goes_by_submit(properties):
        return dict(properties)
    from pyspark import SparkContext

    jvm = SparkContext._jvm
    assert jvm
    remember_repositories(jvm, properties)
    named = {name: properties[name] for name in _FETCHED if properties.get(name, "").strip()}
    if not named and PACKAGES not in properties:
        return dict(properties)
    fetcher = Fetcher(properties, launch.dependencies)
    found = {name: fetcher.fetch(name, addresses) for name, addresses in named.items()}
    packages = resolve_packages(jvm, properties, launch.ivy_folder, launch.ivy_cache)
    jars = _once([*found.get(_JARS, ()), *(jar.as_uri() for jar in packages)])
    _add_to_class_path(jars)
    python_files = [*found.get(_PYTHON_FILES, ()), *(jar.as_uri() for jar in packages if _holds_python(jar))]
    given = {
        _JARS: jars if is_cluster(properties.get("spark.master", "local")) else [_in_place(jar) for jar in jars],
        # PySpark takes paths here, and expects what they name among the files.
        _PYTHON_FILES: [str(local_path(each) or each) for each in python_files],
        _FILES: _once([*found.get(_FILES, ()), *python_files]),
        _ARCHIVES: found.get(_ARCHIVES, []),
    }
    return {**properties, **{name: ",".join(each) for name, each in given.items() if each}}


def _goes_by_submit(properties: Mapping[str, str]) -> bool:
    # A JVM that starts before its session is known learns of the master later: SparkSubmit has no part in it.
    return properties.get("spark.master", "").startswith(_SUBMITTED_MASTERS)


def _add_to_class_path(jars: Iterable[str]) -> None:
    """Adds to the loader that SparkSubmit has made. A driver serves one session, so nobody else ever sees them."""
    loader = java_class("java.lang.Thread").currentThread().getContextClassLoader()
    for jar in jars:
        java_class("org.apache.spark.util.DependencyUtils").addJarToClasspath(jar, loader)


def _in_place(jar: str) -> str:
    """Where executors are threads of the driver, the file itself; else they fetch it by RPC, encrypted: 0.1 s of a start."""
    path = urlsplit(jar).path
    # Spark makes an address of the path again, as it stands.
    return f"local:{path}" if jar.startswith("file:") and unquote(path) == path else jar


def _holds_python(jar: Path) -> bool:
    if not zipfile.is_zipfile(jar):
        return False  # Ivy takes modules of other kinds, too
    with zipfile.ZipFile(jar) as file:
        return any(name.endswith(".py") for name in file.namelist())


def _once(addresses: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(addresses))
