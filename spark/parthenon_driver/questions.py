"""What the server asks of a driver, and tells it, while its code runs: requests of the control channel."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from . import observe
from .connect import Connect
from .context import active_context, start_failure
from .dashboard import Dashboard
from .s3 import write_keys

if TYPE_CHECKING:
    from pyspark import SparkContext

    from .kernel import DriverKernel


class Questions:
    """Answers them, all but the first by py4j from the observer's one thread."""

    def __init__(self, kernel: DriverKernel, dashboard: Dashboard, observer: ThreadPoolExecutor) -> None:
        self._kernel = kernel
        self._spark_connect = Connect()
        self._spark_ui = dashboard
        self._observer = observer

    def handlers(self) -> dict[str, Callable[[Any, Any, dict[str, Any]], None]]:
        """By the type of the request."""
        return {
            "credentials_request": self._credentials,
            "executors_request": self._executors,
            "progress_request": self._progress,
            "jobs_request": self._jobs,
            "connect_request": self._connect,
            "dashboard_request": self._dashboard,
            "working_request": self._working,
        }

    def _credentials(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Renews the session's keys, for Spark and for whatever else its code uses."""
        try:
            write_keys(self._kernel.launch, parent["content"])
            content = {"status": "ok"}
        except OSError as error:  # a full disk
            content = {"status": "error", "reason": str(error)}
        self._kernel.session.send(stream, "credentials_reply", content, parent, ident)

    def _executors(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        self._observe(stream, ident, parent, "executors", observe.executors)

    def _progress(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        self._observe(stream, ident, parent, "progress", observe.progress)

    def _jobs(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        since, until = parent["content"]["since"], parent["content"]["until"]
        self._observe(stream, ident, parent, "jobs", lambda context: observe.jobs(context, since, until))

    def _connect(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        self._observe(stream, ident, parent, "connect", self._spark_connect.start)

    def _dashboard(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        self._observe(stream, ident, parent, "dashboard", self._spark_ui.start)

    def _working(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        self._observe(stream, ident, parent, "working", lambda context: observe.working(context) or self._spark_connect.works(context))

    def _observe(
        self, stream: Any, ident: Any, parent: dict[str, Any], name: str, ask: Callable[[SparkContext | None], Any]
    ) -> None:
        loop = self._kernel.control_thread.io_loop

        def answer() -> None:
            try:
                content = {"status": "ok", name: ask(active_context())}
            except Exception as error:
                content = {"status": "error", "reason": start_failure(error)}
            loop.add_callback(self._kernel.session.send, stream, f"{name}_reply", content, parent, ident)

        self._observer.submit(answer)
