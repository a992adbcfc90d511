"""Notices that a session's SparkContext has ended though nobody in the session ended it: a cluster's master may remove the
application. Without it the session is of no use, and would not say so before its next calculation failed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark import SparkContext

#: PySpark's own `stop()` ends the JVM's part first, and says so on its own side a moment later.
_OWN_STOP_S = 2.0

#: How Spark's schedulers tell their log.
_KILLED = re.compile(rb"Application has been killed\. Reason: (.+)")
_TAIL_BYTES = 65_536


class ContextWatch:
    """One thread for each context, which waits in the JVM until that one has ended: nothing is asked again and again."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        """:param on_lost: called once, in a thread of its own"""
        self._on_lost = on_lost
        self._watched: SparkContext | None = None
        self._ending = False

    def watch(self, context: SparkContext | None) -> None:
        """Watches this context too, if it is another one than the last; code may have made it."""
        if context is None or context is self._watched:
            return
        self._watched = context
        threading.Thread(target=self._wait, args=(context,), name="context-watch", daemon=True).start()

    def end(self) -> None:
        """From now on a context may end."""
        self._ending = True

    def _wait(self, context: SparkContext) -> None:
        try:
            # Ends with the last of Spark's own parts; executors wait in the same way for the end of theirs.
            context._jsc.sc().env().rpcEnv().awaitTermination()
        except Exception:
            return  # with its JVM, which others look after
        time.sleep(_OWN_STOP_S)
        if not self._ending and _is_active(context):
            self._on_lost()


def why_it_ended(log: Path) -> str:
    """One sentence, with Spark's own word from its log where it has said one."""
    try:
        told = _KILLED.findall(log.read_bytes()[-_TAIL_BYTES:])
    except OSError:
        told = []
    reason = told[-1].decode("utf-8", "replace") if told else "spark.log says why"
    return f"The session's SparkContext was stopped by Spark itself: {reason}"


def _is_active(context: SparkContext) -> bool:
    from pyspark import SparkContext

    return SparkContext._active_spark_context is context and context._jsc is not None
