"""The Java command line of a Spark driver, as Spark's own launcher would build it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from .launch import Launch
from .table_formats import first_jars

#: Packages that Spark 3.5 opens on Java 17: `org.apache.spark.launcher.JavaModuleOptions`.
_OPENED = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)

#: Java's second compiler takes a third of the CPU of a start, for methods that a session then hardly calls. It waits for
#: five times as many calls as by default; what is really hot makes those within milliseconds.
_PATIENT_COMPILER = (
    "-XX:Tier4InvocationThreshold=25000",
    "-XX:Tier4MinInvocationThreshold=3000",
    "-XX:Tier4CompileThreshold=75000",
    "-XX:Tier4BackEdgeThreshold=200000",
)

#: Spark's default of spark.driver.memory.
_DEFAULT_MEMORY = "1g"


def java_command(launch: Launch, properties: Mapping[str, str], properties_file: Path | None) -> list[str]:
    """The command that starts `SparkSubmit … pyspark-shell` with no shell script and no launcher JVM between.

    `properties` are the session's where they are known; only those that the command line itself has to carry are read
    here. `properties_file` carries all of them, so that no secret shows in the list of processes.
    """
    class_path = [str(launch.spark_home / "conf"), str(launch.spark_home / "jars" / "*")]
    class_path += first_jars(launch.jars, properties)
    if extra := properties.get("spark.driver.extraClassPath"):
        class_path.insert(0, extra)
    return [
        launch.java,
        "-XX:+IgnoreUnrecognizedVMOptions",
        *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
        "-Djdk.reflect.useDirectMethodHandle=false",
        # A JVM out of memory is in no state to go on; the driver says so and ends.
        "-XX:+ExitOnOutOfMemoryError",
        # An idle session gives memory back that it no longer needs, after two minutes; a busy machine puts that off.
        "-XX:G1PeriodicGCInterval=120000",
        "-XX:MaxHeapFreeRatio=40",
        "-XX:MinHeapFreeRatio=20",
        *_heap(properties),
        *_PATIENT_COMPILER,
        f"-Djava.io.tmpdir={launch.scratch}",
        # Java asks the system, where the home is that of the server's user.
        f"-Duser.home={launch.environment['HOME']}",
        f"-Dparthenon.folder={launch.folder}",
        # Where `ADD JAR 'ivy://…'` keeps its packages; Spark reads it from the system's properties alone.
        f"-Dspark.jars.ivy={launch.ivy_folder}",
        f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}",
        *_class_data(launch),
        *shlex.split(properties.get("spark.driver.defaultJavaOptions", "")),
        *shlex.split(properties.get("spark.driver.extraJavaOptions", "")),
        "-cp",
        os.pathsep.join(class_path),
        "org.apache.spark.deploy.SparkSubmit",
        *(("--properties-file", str(properties_file)) if properties_file else ()),
        "pyspark-shell",
    ]


def _heap(properties: Mapping[str, str]) -> list[str]:
    if memory := properties.get("spark.driver.memory"):
        return [f"-Xmx{memory}"]
    # It begins small and grows on use; Java would begin with a 64th of the machine's memory and keep that.
    return ["-Xms64m", f"-Xmx{_DEFAULT_MEMORY}"]


def _class_data(launch: Launch) -> list[str]:
    """Classes read and verified once, by set-up, and mapped by every JVM since.

    Java compares class path and version itself, and does without where they differ; what it would say to that on
    standard output is turned off.
    """
    if launch.class_data is None:
        return []
    if launch.makes_class_data:
        # The better of the two compilers would only make this one run longer.
        return [f"-XX:ArchiveClassesAtExit={launch.class_data}", "-Xlog:disable", "-XX:TieredStopAtLevel=1"]
    return [
        # At the address for which it was made: elsewhere Java rewrites all of it, 100 MB for each JVM that they could share.
        "-XX:+UnlockDiagnosticVMOptions",
        "-XX:ArchiveRelocationMode=0",
        f"-XX:SharedArchiveFile={launch.class_data}",
        "-Xlog:disable",
    ]


def java_environment(launch: Launch, properties: Mapping[str, str], connection_info: Path) -> dict[str, str]:
    """The JVM's environment, which Spark's Python workers inherit."""
    environment = dict(launch.environment)
    environment["_PYSPARK_DRIVER_CONN_INFO_PATH"] = str(connection_info)
    # Each of glibc's arenas keeps what its threads have freed; a JVM has dozens of threads.
    environment.setdefault("MALLOC_ARENA_MAX", "2")
    if libraries := properties.get("spark.driver.extraLibraryPath"):
        environment["LD_LIBRARY_PATH"] = libraries
    return environment


def properties_text(properties: Mapping[str, str]) -> str:
    """Java's properties format, ASCII only."""
    return "".join(f"{_escape(name, key=True)}={_escape(value)}\n" for name, value in properties.items())


def _escape(text: str, key: bool = False) -> str:
    escaped: list[str] = []
    for position, character in enumerate(text):
        if character in "\\" or (key and character in "=:#! ") or (character == " " and position == 0):
            escaped.append("\\" + character)
        elif " " <= character <= "~":
            escaped.append(character)
        else:
            units = character.encode("utf-16-be")
            escaped.extend(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    return "".join(escaped)
