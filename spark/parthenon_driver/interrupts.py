"""Ends the running calculation on request: Python code, Spark jobs and subprocesses, and nothing else.

A SIGINT that lands while py4j waits for the JVM's answer must not be raised there: the answer would be taken for that
of the next call. So the signal's handler waits for the answer, which comes at once because the Spark jobs are cancelled
at the same time; a JVM call that is no Spark job is given a second, then left, and py4j closes its connection.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from py4j import java_gateway
from py4j.clientserver import ClientServerConnection, JavaClient

#: Seconds after the first SIGINT at which more follow, for code that catches KeyboardInterrupt or is slow to see it.
_REPEAT_S = (1.0, 3.0, 6.0, 10.0, 15.0, 20.0, 25.0, 30.0)
_POLL_S = 0.25


class Interrupts:
    """Knows which calculation may be interrupted, and does it."""

    def __init__(self, cancel_jobs: Callable[[], None], wake_loop: Callable[[], None]) -> None:
        self._cancel_jobs = cancel_jobs
        self._wake_loop = wake_loop
        self._lock = threading.Lock()
        self._running: str | None = None
        self._requested: set[str] = set()
        self._ended = threading.Event()
        self._pending = False
        self._force = False
        self._waits = ClientServerConnection.send_command.__code__
        self._wrap_py4j()

    def begin(self, calculation_id: str) -> bool:
        """Opens the calculation to interrupts; False when one came before it began. Main thread only."""
        with self._lock:
            wanted = calculation_id in self._requested
            self._requested.clear()
            if wanted:
                return False
            self._running, self._ended = calculation_id, threading.Event()
            self._pending = self._force = False
        signal.signal(signal.SIGINT, self._on_signal)
        return True

    def end(self) -> bool:
        """Closes it to interrupts; True when one has struck. Main thread only."""
        # First a plain assignment: from the next instruction on the handler, which runs in this same thread, is harmless.
        calculation_id, self._running = self._running, None
        self._pending = False
        with self._lock:
            self._ended.set()
            was_requested = calculation_id in self._requested
            self._requested.clear()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return was_requested

    def request(self, calculation_id: str) -> None:
        """Asks for an end; returns at once. One that has not begun is remembered, one that has ended is left alone."""
        with self._lock:
            if calculation_id in self._requested:
                return
            self._requested = {calculation_id}
            if self._running != calculation_id:
                return
            ended = self._ended
        threading.Thread(target=self._persist, args=(calculation_id, ended), name="interrupt", daemon=True).start()

    def _persist(self, calculation_id: str, ended: threading.Event) -> None:
        cancelling = threading.Thread(target=self._cancel_until, args=(ended,), name="cancel-jobs", daemon=True)
        cancelling.start()
        before = 0.0
        self._strike(calculation_id, force=False)
        for at in _REPEAT_S:
            if ended.wait(at - before):
                return
            before = at
            self._strike(calculation_id, force=True)

    def _cancel_until(self, ended: threading.Event) -> None:
        """Cancels again and again: what still plans its query starts a job after the first time."""
        while not ended.is_set():
            self._cancel_jobs()
            ended.wait(_POLL_S)

    def _strike(self, calculation_id: str, force: bool) -> None:
        with self._lock:
            if self._running != calculation_id:
                return
            self._force = force
            for pid in _group_members():
                _signal(pid)
            # To the main thread by name: another one would take it and leave a blocking call where it is.
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)
        # Code that awaits is cancelled by a callback, which a handler in the loop's own thread queues without waking it.
        self._wake_loop()

    def _on_signal(self, _number: int, frame: FrameType | None) -> None:
        if self._running is None:
            return
        if not self._force and self._waits_for_jvm(frame):
            self._pending = True
            return
        self._pending = False
        raise KeyboardInterrupt

    def _waits_for_jvm(self, frame: FrameType | None) -> bool:
        while frame is not None:
            if frame.f_code is self._waits:
                return True
            frame = frame.f_back
        return False

    def _wrap_py4j(self) -> None:
        send = JavaClient.send_command

        def raising(client: JavaClient, *arguments: object, **options: object) -> object:
            answer = send(client, *arguments, **options)
            if self._pending and threading.current_thread() is threading.main_thread():
                self._pending = False
                raise KeyboardInterrupt
            return answer

        JavaClient.send_command = raising
        # py4j reports a KeyboardInterrupt on the root logger, which writes it to the calculation's stderr.
        java_gateway.logging = logging.getLogger(java_gateway.__name__)


def _group_members() -> list[int]:
    """Processes of the driver's own group: what user code started. The JVM and Spark's workers have groups of their own."""
    group, members = os.getpgrp(), []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if os.getpgid(int(entry)) == group:
                    members.append(int(entry))
            except ProcessLookupError:
                pass
    return members


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGINT)
    except (ProcessLookupError, PermissionError):
        pass  # ended meanwhile, or became another user's by sudo
