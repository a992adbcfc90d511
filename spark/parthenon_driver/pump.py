"""Carries what the JVM writes to its stdout and stderr to the driver's own descriptors 1 and 2.

Those two always point at the right place: the running calculation's files, or the driver's log.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque

_CHUNK = 65536
_TAIL_BYTES = 4096


class OutputPump:
    """Reads two pipes in a thread of its own."""

    def __init__(self, stdout: int, stderr: int) -> None:
        self._targets = {stdout: 1, stderr: 2}
        self._lock = threading.Lock()
        self._tail: deque[bytes] = deque(maxlen=8)
        for source in self._targets:
            os.set_blocking(source, False)
        self._thread = threading.Thread(target=self._run, name="jvm-output", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Returns when everything that the JVM has written so far has arrived."""
        with self._lock:
            for source in tuple(self._targets):
                while self._copy(source):
                    pass

    def join(self, timeout: float) -> None:
        """Waits until the JVM has closed its ends."""
        self._thread.join(timeout)

    def tail(self) -> str:
        """The last lines the JVM wrote itself; its log goes elsewhere."""
        return b"".join(self._tail)[-_TAIL_BYTES:].decode("utf-8", "replace")

    def _run(self) -> None:
        poller = select.poll()
        for source in self._targets:
            poller.register(source, select.POLLIN)
        while self._targets:
            for source, _ in poller.poll():
                with self._lock:
                    if source in self._targets and not self._copy(source) and source not in self._targets:
                        poller.unregister(source)
                        os.close(source)

    def _copy(self, source: int) -> bool:
        """Copies one chunk; False when there is none at the moment, and at the end, which also forgets the source."""
        if source not in self._targets:
            return False
        try:
            chunk = os.read(source, _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            del self._targets[source]
            return False
        self._tail.append(chunk[-_TAIL_BYTES:])
        target, rest = self._targets[source], memoryview(chunk)
        try:
            while rest:
                rest = rest[os.write(target, rest) :]
        except OSError:
            pass  # the code closed the descriptor, or the disk is full: the JVM must not wait for either
        return True
