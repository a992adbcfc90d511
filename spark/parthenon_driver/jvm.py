"""The Spark driver JVM: started by the driver itself, reached by py4j, watched until it ends."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .descendants import kill_descendants
from .jars import submitted
from .jvm_options import java_command, java_environment, properties_text
from .launch import Launch
from .pump import OutputPump

if TYPE_CHECKING:
    from py4j.clientserver import ClientServer

_START_TIMEOUT_S = 600  # spark.jars.packages may have to be fetched first
_STOP_TIMEOUT_S = 10

#: Ended because its JVM did; the last line of the driver's log says how.
EXIT_JVM_GONE = 70


class JvmFailed(Exception):
    """The JVM did not come up; the message is one sentence, its own where it said one."""


class Jvm:
    """One JVM process. `start` returns at once, so that Python's imports go on beside it; `connect` waits for it."""

    def __init__(self, launch: Launch, log: int) -> None:
        self._launch = launch
        self._log = log
        self._info = launch.folder / "gateway"
        self._properties_file = launch.folder / "spark.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self._pump: OutputPump | None = None
        self._expected = threading.Event()

    def start(self, properties: Mapping[str, str]) -> None:
        """Starts a JVM that knows `properties` from the beginning; empty for one that learns them later."""
        self._expected = threading.Event()
        self._info.unlink(missing_ok=True)
        if properties:
            descriptor = os.open(self._properties_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(properties_text(submitted(properties)))
        self._process = subprocess.Popen(
            java_command(self._launch, properties, self._properties_file if properties else None),
            env=java_environment(self._launch, properties, self._info),
            # The JVM ends when this pipe does, however the driver goes.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Its own group: an interrupt for the calculation's processes must not reach it.
            start_new_session=True,
        )
        assert self._process.stdout and self._process.stderr
        self._pump = OutputPump(os.dup(self._process.stdout.fileno()), os.dup(self._process.stderr.fileno()))
        self._process.stdout.close()
        self._process.stderr.close()

    def connect(self) -> ClientServer:
        """Waits for the JVM and returns PySpark's gateway to it.

        :raises JvmFailed: when it ends before it can be reached
        """
        process = self._process
        assert process is not None
        self._wait_for_gateway(process)
        gateway = _gateway(self._info)
        gateway.proc = process
        self._info.unlink()
        self._properties_file.unlink(missing_ok=True)
        threading.Thread(target=self._watch, args=(process, self._expected), name="jvm-watch", daemon=True).start()
        return gateway

    def drain(self) -> None:
        """Returns when the JVM's output so far lies in the current calculation's files."""
        if self._pump:
            self._pump.drain()

    def stop(self, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """Ends the JVM: politely, then by force."""
        process = self._process
        if process is None:
            return
        self._expected.set()
        assert process.stdin
        process.stdin.close()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def _wait_for_gateway(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._info.exists():
            if process.poll() is not None:
                assert self._pump
                self._pump.join(1)
                raise JvmFailed(_why(self._pump.tail()) or self._ending(process))
            if time.monotonic() > deadline:
                raise JvmFailed(f"The Spark driver JVM did not start within {_START_TIMEOUT_S} s")
            time.sleep(0.01)

    def _watch(self, process: subprocess.Popen[bytes], expected: threading.Event) -> None:
        process.wait()
        if expected.is_set():
            return
        os.write(self._log, f"{self._ending(process)}\n".encode())
        kill_descendants()
        # A driver without its JVM is no use to anybody, and whatever runs would wait for it for ever.
        os._exit(EXIT_JVM_GONE)

    def _ending(self, process: subprocess.Popen[bytes]) -> str:
        code = process.returncode
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        why = " (out of memory)" if self._pump and "java.lang.OutOfMemoryError" in self._pump.tail() else ""
        return f"The Spark driver JVM {how}{why}"


def _gateway(info: os.PathLike[str]) -> ClientServer:
    from pyspark.java_gateway import launch_gateway
    from pyspark.serializers import UTF8Deserializer, read_int

    from .callbacks import ask_callers

    with open(info, "rb") as file:
        port, secret = read_int(file), UTF8Deserializer().loads(file)
    # PySpark's own way to be told of a JVM that runs already; taken out again, for it would pass to every subprocess.
    os.environ.update(PYSPARK_GATEWAY_PORT=str(port), PYSPARK_GATEWAY_SECRET=secret)
    try:
        gateway = launch_gateway()
    finally:
        del os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"]
    ask_callers(gateway, secret)
    return gateway


def _why(output: str) -> str | None:
    """Spark's or Java's own word in what a JVM wrote before it gave up."""
    lines = output.splitlines()
    for position, line in enumerate(lines):
        if line.startswith("Exception in thread"):
            return line.split(": ", 1)[-1]
        if line.startswith("Error: Could not create the Java Virtual Machine") and position > 0:
            return lines[position - 1]
        if line.startswith("Error: "):
            return line
    return None
