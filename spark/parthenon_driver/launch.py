"""What the server tells a driver before it starts: `launch.json` in the driver's folder."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path


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
    #: Start the JVM now, before a session is known.
    start_jvm: bool
    #: Use one throw-away SparkContext, so that the session's own comes fast.
    warm: bool
    #: The environment that every JVM of this driver gets; taken before IPython and users add to `os.environ`.
    environment: dict[str, str] = field(repr=False)

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
            start_jvm=said["start_jvm"],
            warm=said["warm"],
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
    def scratch(self) -> Path:
        """Temporary files of Python, the JVM and Spark; they go with the driver's folder."""
        return self.folder / "tmp"

    @property
    def aws_credentials(self) -> Path:
        return Path(self.environment["AWS_SHARED_CREDENTIALS_FILE"])

    @property
    def aws_config(self) -> Path:
        return Path(self.environment["AWS_CONFIG_FILE"])
