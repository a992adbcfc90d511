"""The session's event log, by spark/java/logs: what Spark's History Server reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .java_names import java_class

if TYPE_CHECKING:
    from pyspark import SparkContext

_EVENT_LOG = "parthenon.logs.EventLog"


def begin_event_log(context: SparkContext, session_id: str, folder: Path) -> None:
    """Begins it for a context that nobody has used yet; it ends with the context. What takes time is done beside the session."""
    folder.mkdir(exist_ok=True)
    java_class(_EVENT_LOG).open(context._jsc.sc(), session_id, str(folder))


def await_event_log() -> None:
    """Returns when the log of a context that was stopped is whole."""
    java_class(_EVENT_LOG).awaitClosed()
