"""What the server tells a driver before it starts: `launch.json` in the driver's folder."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Held:
    """A context to hold ready: what a session must have in common with it to get it."""

    master: str
    properties: dict[str, str]


@dataclass(frozen=True)
class Launch:
    """How to start, and where everything of this driver lies."""

    folder: Path
    java: str
    spark_home: Path
    #: Jars beside those that PySpark ships: hadoop-aws and what it needs.
    jars: tuple[str, ...]
    #: Where the packages of all sessions are kept.
    ivy_cache: Path
    #: Start a JVM with these properties now; None to wait for the session's own.
    jvm_properties: dict[str, str] | None
    #: Become warm while no session waits.
    warm: bool
    #: Then hold this context; None for none.
    held: Held | None
    #: Classes that Java need not read again, made by set-up; None where there are none.
    class_data: Path | None
    #: What no process may exceed: `memory_bytes`, `processes`, `disk_bytes`; None where nothing is limited.
    limits: dict[str, int] | None
    #: Whether this driver sees itself and the system alone.
    sandboxed: bool
    #: The environment that every JVM of this driver gets; taken before IPython and users add to `os.environ`.
    environment: dict[str, str] = field(repr=False)
    #: Make the class data, rather than use them.
    makes_class_data: bool = False

    @classmethod
    def read(cls, folder: str) -> Launch:
        """Reads `<folder>/launch.json`."""
        path = Path(folder)
        said = json.loads((path / "launch.json").read_text("utf-8"))
        return cls(
            folder=path,
            java=said["java"],
            spark_home=Path(said["spark_home"]),
            jars=tuple(said["jars"]),
            ivy_cache=Path(said["ivy_cache"]),
            jvm_properties=said["jvm_properties"],
            warm=said["warm"],
            held=Held(**said["held"]) if said["held"] else None,
            class_data=Path(said["class_data"]) if said["class_data"] else None,
            limits=said.get("limits"),
            sandboxed=said.get("sandboxed", False),
            environment=dict(os.environ),
        )

    def hurried(self) -> bool:
        """A session waits for this driver: the server has left a file that says so."""
        return (self.folder / "hurry").exists()

    @property
    def connection_file(self) -> Path:
        return self.folder / "connection.json"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def event_log(self) -> Path:
        """Where the session's event log lies; the server looks for it there (src/drivers/kept-logs.ts)."""
        return self.folder / "event-log"

    @property
    def dependencies(self) -> Path:
        """Jars, packages, files and archives that the session brings."""
        return self.folder / "dependencies"

    @property
    def ivy_folder(self) -> Path:
        """The session's own packages."""
        return self.dependencies / "ivy"

    @property
    def scratch(self) -> Path:
        """Temporary files of Python, the JVM and Spark; they go with the driver's folder."""
        return self.folder / "tmp"

    @property
    def aws_config(self) -> Path:
        return Path(self.environment["AWS_CONFIG_FILE"])

    @property
    def keys_file(self) -> Path:
        """The session's keys to S3, which are renewed while it lives."""
        return self.aws_config.with_name("keys.json")
