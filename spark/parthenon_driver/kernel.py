"""The kernel: Jupyter's protocol, and the few messages beside it by which the server makes a session of it.

Shell channel: `assign_request`. Control channel, answered while code runs: `executors_request`, `progress_request`.
An `execute_request` whose metadata carry `calculation_id` runs into that calculation's spool.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ipykernel.ipkernel import IPythonKernel

from . import observe
from .context import attach_gateway, create_session, namespace, session_properties, start_failure
from .interrupts import Interrupts
from .jvm import Jvm
from .launch import Launch
from .magics import register
from .s3 import write_aws_files
from .shell import DriverShell, StdinCompiler
from .spool import Spool
from .table_formats import add_late_jars

if TYPE_CHECKING:
    from pyspark import SparkContext

_STOP_CONTEXT_S = 3.0
_ERROR_MEMBERS = ("ename", "evalue", "traceback")


class DriverKernel(IPythonKernel):
    """One session's kernel."""

    implementation = "parthenon"
    shell_class = DriverShell
    compiler_class = StdinCompiler

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.launch: Launch
        self.jvm: Jvm
        self.session_id: str | None = None
        self.work_group: str | None = None
        self._spool: Spool | None = None
        self._calculation_id: str | None = None
        self._interrupts = Interrupts(self._cancel_jobs, lambda: self.io_loop.add_callback(lambda: None))
        # One thread, hence one connection: what is asked often does not hold up interrupts, nor the other way round.
        self._observer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="observer")
        self.shell_handlers["assign_request"] = self.assign_request
        self.control_handlers["executors_request"] = self.executors_request
        self.control_handlers["progress_request"] = self.progress_request
        self.shell.displayhook.current_spool = lambda: self._spool
        self.shell.display_pub.current_spool = lambda: self._spool
        register(self)

    # ---- assignment

    def assign_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Makes this driver a session's; answers `ok`, or `error` with one sentence."""
        try:
            content = self._assign(parent["content"])
        except Exception as error:
            self.log.error("The session did not start", exc_info=True)
            content = {"status": "error", "reason": start_failure(error)}
        self.session.send(stream, "assign_reply", content, parent, ident)

    def _assign(self, assignment: dict[str, Any]) -> dict[str, Any]:
        self.session_id, self.work_group = assignment["session_id"], assignment["work_group"]
        write_aws_files(self.launch, assignment["s3"])
        properties = session_properties(assignment)
        if assignment["fresh_jvm"]:
            self.jvm.stop()
            self.jvm.start(properties)
            attach_gateway(self.jvm.connect())
        else:
            add_late_jars(self.launch.jars, properties)
        session = create_session(properties, self.session_id)
        self.shell.push(namespace(session, self.launch), interactive=False)
        return {"status": "ok", "application_id": session.sparkContext.applicationId}

    # ---- calculations

    async def do_execute(self, code: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Runs code; that of a calculation into its spool, which is closed before the reply goes out."""
        calculation_id = self.get_parent("shell").get("metadata", {}).get("calculation_id")
        if calculation_id is None:
            return await super().do_execute(code, *arguments, **options)
        try:
            return await self._calculate(calculation_id, code, arguments, options)
        except Exception as error:  # a full disk, say: the server hears of it, and finds no outcome
            self.log.error("The output of a calculation could not be kept", exc_info=True)
            return _failure(error)

    async def _calculate(
        self, calculation_id: str, code: str, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> dict[str, Any]:
        self._spool = spool = Spool(self.launch.spool, calculation_id)
        self._calculation_id = calculation_id
        spool.capture()
        try:
            reply, interrupted = await self._run_interruptibly(calculation_id, code, arguments, options)
        finally:
            self.jvm.drain()
            self._spool = self._calculation_id = None
            spool.release()
        status = "interrupted" if interrupted else reply["status"]
        error = (reply["ename"], reply["evalue"]) if reply["status"] == "error" else None
        spool.close(status, error)
        return reply

    async def _run_interruptibly(
        self, calculation_id: str, code: str, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        self.shell.last_error = None
        if not self._interrupts.begin(calculation_id):
            return _failure(KeyboardInterrupt()), True
        try:
            reply = await super().do_execute(code, *arguments, **options)
        except (KeyboardInterrupt, Exception) as error:  # struck between the user's code and here; a calculation must end
            self.log.error("The kernel itself failed", exc_info=True)
            reply = _failure(error)
        finally:
            interrupted = self._interrupts.end()
        error = self.shell.last_error
        if isinstance(error, SystemExit) and error.code in (None, 0):
            reply = {**reply, "status": "ok"}  # `sys.exit()` ends a calculation, not its session
        elif reply["status"] == "error" and error is not None:
            reply = {**reply, **_failure(error), "traceback": self.shell._last_traceback or []}
            self._spool.add_result({"output_type": "error", **{name: reply[name] for name in _ERROR_MEMBERS}})
        return reply, interrupted

    def pre_handler_hook(self) -> None:
        """SIGINT is `Interrupts`' own; IPython would set Python's default handler here."""

    def post_handler_hook(self) -> None:
        """See `pre_handler_hook`."""

    # ---- the control channel

    async def interrupt_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Interrupts the calculation that is named; without a name, whichever runs (Jupyter's own clients)."""
        calculation_id = parent["content"].get("calculation_id") or self._calculation_id
        if calculation_id is not None:
            self._interrupts.request(calculation_id)
        self.session.send(stream, "interrupt_reply", {"status": "ok"}, parent, ident=ident)

    def executors_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        self._observe(stream, ident, parent, "executors", observe.executors)

    def progress_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        self._observe(stream, ident, parent, "progress", observe.progress)

    def _observe(
        self, stream: Any, ident: Any, parent: dict[str, Any], name: str, ask: Callable[[SparkContext | None], Any]
    ) -> None:
        loop = self.control_thread.io_loop

        def answer() -> None:
            try:
                content = {"status": "ok", name: ask(_active_context())}
            except Exception as error:
                content = {"status": "error", "reason": start_failure(error)}
            loop.add_callback(self.session.send, stream, f"{name}_reply", content, parent, ident)

        self._observer.submit(answer)

    async def shutdown_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Stops Spark in order, as far as that goes quickly; then the process ends, whatever its code is at.

        Jupyter's own way ends children first; the JVM would be one of them.
        """
        self.session.send(stream, "shutdown_reply", {"status": "ok", "restart": False}, parent, ident=ident)
        threading.Thread(target=self._end, name="end", daemon=True).start()

    def _end(self) -> None:
        if self._calculation_id is not None:
            self._interrupts.request(self._calculation_id)
        stopping = threading.Thread(target=_stop_context, daemon=True)
        stopping.start()
        stopping.join(_STOP_CONTEXT_S)
        self.jvm.stop()
        os._exit(0)

    def _cancel_jobs(self) -> None:
        context = _active_context()
        if context is None:
            return
        try:
            context.cancelAllJobs()
        except Exception:
            self.log.warning("Spark's jobs could not be cancelled", exc_info=True)


def _active_context() -> SparkContext | None:
    pyspark = sys.modules.get("pyspark")
    return pyspark.SparkContext._active_spark_context if pyspark else None


def _stop_context() -> None:
    context = _active_context()
    if context is not None and context._jsc is not None:
        context._jsc.stop()


def _failure(error: BaseException) -> dict[str, Any]:
    try:
        text = str(error)
    except Exception:
        text = "<exception str() failed>"  # Python's own words for it
    return {"status": "error", "ename": type(error).__name__, "evalue": text, "traceback": []}
