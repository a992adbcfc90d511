"""The kernel: Jupyter's protocol, and the few messages beside it by which the server makes a session of it.

Shell channel: `assign_request`. Control channel, answered while code runs: see `questions.py`.
An `execute_request` whose metadata carry `calculation_id` runs into that calculation's spool.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ipykernel.ipkernel import IPythonKernel

from .context import (
    active_context,
    adopt_context,
    attach_gateway,
    create_context,
    namespace,
    open_session,
    session_properties,
    start_failure,
    stop_beside,
)
from .context_watch import ContextWatch, why_it_ended
from .dashboard import Dashboard
from .descendants import kill_descendants
from .event_log import await_event_log
from .failures import failure, sendable
from .interrupts import Interrupts
from .jars import with_dependencies
from .jvm import Jvm
from .launch import Launch
from .magics import register
from .questions import Questions
from .s3 import write_aws_files
from .shell import DriverShell, StdinCompiler
from .spool import Spool
from .stages import Stages
from .table_formats import add_late_jars

_STOP_CONTEXT_S = 3.0
_ERROR_MEMBERS = ("ename", "evalue", "traceback")
_TOLD_MEMBERS = ("status", "ename", "evalue")
#: Ended because it could not reply any more; the driver's log says why.
_EXIT_MUTE = 71
#: Ended because its SparkContext had; the last line of the driver's log says so.
_EXIT_CONTEXT_LOST = 72
#: How long the server gets to take what the last calculation has put out.
_TAKE_OUTPUT_S = 60.0


class DriverKernel(IPythonKernel):
    """One session's kernel."""

    implementation = "parthenon"
    shell_class = DriverShell
    compiler_class = StdinCompiler

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.launch: Launch
        self.jvm: Jvm
        #: Where stdout goes while no calculation runs, and the driver's log, where stderr does.
        self.out_descriptor: int
        self.log_descriptor: int
        self.session_id: str | None = None
        self.work_group: str | None = None
        self._spool: Spool | None = None
        self._calculation_id: str | None = None
        self._dashboard = Dashboard()
        self._interrupts = Interrupts(self._cancel_jobs, lambda: self.io_loop.add_callback(lambda: None))
        self._context_watch = ContextWatch(self._end_without_context)
        # One thread, hence one connection: what is asked often does not hold up interrupts, nor the other way round.
        self._observer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="observer")
        self._questions = Questions(self, self._dashboard, self._observer)
        self.control_handlers.update(self._questions.handlers())
        self.shell_handlers["assign_request"] = self.assign_request
        self.shell.displayhook.current_spool = lambda: self._spool
        self.shell.display_pub.current_spool = lambda: self._spool
        self.shell.current_spool = lambda: self._spool
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
        stages = Stages()
        self._dashboard.began_at = int(stages.began_at)
        self.session_id, self.work_group = assignment["session_id"], assignment["work_group"]
        write_aws_files(self.launch, assignment["s3"])
        properties = session_properties(assignment, self.launch.keys_file)
        stages.reached("properties")
        if self.launch.jvm_properties is None:
            self.jvm.start(properties)
            attach_gateway(self.jvm.connect())
            stages.reached("jvm")
        held = active_context()
        fits = held is not None and assignment["context_fits"]
        stopping = None if fits or held is None else stop_beside(held)
        properties = with_dependencies(properties, self.launch)
        stages.reached("dependencies")
        if stopping is not None:
            stopping.join()
        if fits:
            context = adopt_context(held, properties)
        else:
            add_late_jars(self.launch.jars, properties)
            context = create_context(properties, self.launch.jars)
        stages.reached("context")
        session = open_session(context, self.session_id, self.launch.event_log if assignment["event_log"] else None)
        self.shell.push(namespace(session, self.launch), interactive=False)
        self._context_watch.watch(context)
        stages.reached("session")
        # What a first query makes, made while the client hears that it may send one.
        self._observer.submit(session._jsparkSession.sessionState)
        return {
            "status": "ok",
            "application_id": session.sparkContext.applicationId,
            "stages": stages.millis,
            "began_at": stages.began_at,
        }

    # ---- calculations

    async def execute_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Runs the code of a calculation into its spool, which is closed before the reply goes out.

        Jupyter's own handler does not reply when something around the code fails, and who waits does so for ever. The
        server reads outcomes from the spool; what the reply says counts where no spool could be closed (a full disk).
        """
        calculation_id = parent["metadata"].get("calculation_id")
        if calculation_id is None:
            await super().execute_request(stream, ident, parent)
            return
        try:
            content = await self._calculate(calculation_id, parent["content"]["code"])
        except BaseException as error:  # also a late KeyboardInterrupt, and the cancelling of this very task
            self.log.error("A calculation could not be brought to its end", exc_info=True)
            content = {name: sendable(text) for name, text in failure(error).items() if name in _TOLD_MEMBERS}
        try:
            self.session.send(stream, "execute_reply", content, parent, ident=ident)
        except BaseException:
            self.log.critical("A calculation's end could not be told", exc_info=True)
            kill_descendants()
            os._exit(_EXIT_MUTE)

    async def _calculate(self, calculation_id: str, code: str) -> dict[str, Any]:
        self._spool = spool = Spool(self.launch.spool, calculation_id, (self.out_descriptor, self.log_descriptor))
        self._calculation_id = calculation_id
        try:
            spool.capture()
            reply, interrupted = await self._run_interruptibly(calculation_id, code)
        except BaseException as error:  # a result that could not be written, say; the calculation ends all the same
            self.log.error("The output of a calculation could not be kept", exc_info=True)
            reply, interrupted = failure(error), False
        finally:
            self._spool = self._calculation_id = None
            self._context_watch.watch(active_context())
            try:
                self.jvm.drain()
            finally:
                spool.release()
        told = {name: sendable(reply[name]) for name in _TOLD_MEMBERS if name in reply}
        error = (told["ename"], told["evalue"]) if told["status"] == "error" else None
        spool.close("interrupted" if interrupted else told["status"], error)
        return told

    async def _run_interruptibly(self, calculation_id: str, code: str) -> tuple[dict[str, Any], bool]:
        self.shell.last_error = None
        if not self._interrupts.begin(calculation_id):
            return failure(KeyboardInterrupt()), True
        try:
            reply = await self.do_execute(code, silent=False, store_history=True, allow_stdin=False)
        except BaseException as error:  # struck between the user's code and here; a calculation must end
            self.log.error("The kernel itself failed", exc_info=True)
            reply = failure(error)
        finally:
            interrupted = self._interrupts.end()
        error = self.shell.last_error
        if isinstance(error, SystemExit) and error.code in (None, 0):
            reply = {**reply, "status": "ok"}  # `sys.exit()` ends a calculation, not its session
        elif reply["status"] == "error" and error is not None:
            reply = {**reply, **failure(error), "traceback": self.shell._last_traceback or []}
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

    async def shutdown_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Stops Spark in order, as far as that goes quickly; then the process ends, whatever its code is at.

        Jupyter's own way ends children first; the JVM would be one of them.
        """
        self.session.send(stream, "shutdown_reply", {"status": "ok", "restart": False}, parent, ident=ident)
        threading.Thread(target=self._end, name="end", daemon=True).start()

    def _end_without_context(self) -> None:
        """Ends the driver, and so the session, once what runs has ended by itself and the server has its output."""
        reason = why_it_ended(self.launch.folder / "spark.log")
        deadline = time.monotonic() + _TAKE_OUTPUT_S
        while self._calculation_id is not None or (any(self.launch.spool.iterdir()) and time.monotonic() < deadline):
            time.sleep(0.1)
        self.jvm.stop()
        kill_descendants()
        os.write(self.log_descriptor, f"{reason}\n".encode())
        os._exit(_EXIT_CONTEXT_LOST)

    def _end(self) -> None:
        self._context_watch.end()
        if self._calculation_id is not None:
            self._interrupts.request(self._calculation_id)
        stopping = threading.Thread(target=_stop_context, daemon=True)
        stopping.start()
        stopping.join(_STOP_CONTEXT_S)
        self.jvm.stop()
        kill_descendants()
        os._exit(0)

    def _cancel_jobs(self) -> None:
        context = active_context()
        if context is None:
            return
        try:
            context.cancelAllJobs()
        except Exception:
            self.log.warning("Spark's jobs could not be cancelled", exc_info=True)


def _stop_context() -> None:
    context = active_context()
    if context is not None and context._jsc is not None:
        context._jsc.stop()
        await_event_log()
