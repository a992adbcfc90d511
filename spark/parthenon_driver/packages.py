"""`spark.jars.packages` by Spark's own Ivy, over one cache of all sessions of a server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .fetch import DependencyFailed

PACKAGES = "spark.jars.packages"
_EXCLUDES = "spark.jars.excludes"
_REPOSITORIES = "spark.jars.repositories"
_SETTINGS = "spark.jars.ivySettings"

#: Ivy's own words: `unresolved dependency: org#module;1.0: not found`, `download failed: org#module;1.0!module.jar`.
_UNRESOLVED = re.compile(r"unresolved dependency: ([^#\s]+)#([^;\s]+);([^:\s]+): ([^,\]]+)")
_NOT_DOWNLOADED = re.compile(r"download failed: ([^#\s]+)#([^;\s]+);([^!\s]+)!([^,\]\s]+)")


def resolve_packages(jvm: Any, properties: Mapping[str, str], folder: Path, cache: Path) -> list[Path]:
    """Finds the packages of a session and what they need.

    :param folder: the session's own; the jars lie there, so that nobody overwrites what a JVM has open
    :param cache: of all sessions; Ivy locks each artifact in it while it is written
    :returns: the jars
    :raises DependencyFailed: naming the coordinates that are not to be had
    """
    packages = _list(properties, PACKAGES)
    if not packages:
        return []
    from py4j.protocol import Py4JJavaError

    try:
        jars = jvm.org.apache.spark.deploy.SparkSubmitUtils.resolveMavenCoordinates(
            ",".join(packages),
            _ivy_settings(jvm, properties, folder, cache),
            jvm.scala.Option.apply(None),
            True,  # with what they depend on
            jvm.PythonUtils.toSeq(_list(properties, _EXCLUDES)),
            False,
        ).mkString(",")
    except Py4JJavaError as error:
        problems = _problems(error.java_exception.getMessage() or "")
        if not problems:
            raise
        raise DependencyFailed(f"{PACKAGES}: {'; '.join(problems)}") from error
    return [Path(jar) for jar in jars.split(",") if jar]


def remember_repositories(jvm: Any, properties: Mapping[str, str]) -> None:
    """Has `ADD JAR 'ivy://…'` look where the session's packages come from, which Spark reads from system properties."""
    for name in (_REPOSITORIES, _SETTINGS):
        if name in properties:
            jvm.java.lang.System.setProperty(name, properties[name])
    if _SETTINGS in properties:
        # Ivy would tell the calculation's stdout that it reads them.
        ivy = jvm.org.apache.ivy.util
        ivy.Message.setDefaultLogger(ivy.DefaultMessageLogger(ivy.Message.MSG_WARN))


def _list(properties: Mapping[str, str], name: str) -> list[str]:
    return [each.strip() for each in properties.get(name, "").split(",") if each.strip()]


def _ivy_settings(jvm: Any, properties: Mapping[str, str], folder: Path, cache: Path) -> Any:
    utils, option = jvm.org.apache.spark.deploy.SparkSubmitUtils, jvm.scala.Option.apply
    repositories, ivy_folder = option(properties.get(_REPOSITORIES)), option(str(folder))
    if file := properties.get(_SETTINGS):
        settings = utils.loadIvySettings(file, repositories, ivy_folder)
    else:
        # Without the Maven repository of the server's user: what lies there is no business of a session's.
        settings = utils.buildIvySettings(repositories, ivy_folder, False)
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.setDefaultCache(jvm.java.io.File(str(cache)))
    settings.setDefaultResolutionCacheBasedir(str(folder))
    settings.setDefaultLockStrategy(jvm.org.apache.ivy.plugins.lock.NIOFileLockStrategy(False))
    return settings


def _problems(message: str) -> list[str]:
    unresolved = [
        f"{org}:{module}:{version}: {why.strip()}" for org, module, version, why in _UNRESOLVED.findall(message)
    ]
    failed = [
        f"{org}:{module}:{version}: {file} could not be downloaded"
        for org, module, version, file in _NOT_DOWNLOADED.findall(message)
    ]
    return list(dict.fromkeys(unresolved + failed))
