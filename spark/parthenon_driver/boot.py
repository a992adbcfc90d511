"""From the first instruction to a kernel that answers: what can be done beside each other is."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import TYPE_CHECKING

from .descendants import adopt_orphans, kill_descendants
from .jvm import Jvm, JvmFailed
from .launch import Launch
from .limits import keep_to

if TYPE_CHECKING:
    from ipykernel.kernelapp import IPKernelApp


def main(folder: str) -> int:
    """Runs a driver in its folder until it is told to end; returns the exit code."""
    os.umask(0o077)
    adopt_orphans()
    try:
        return _main(Launch.read(folder))
    finally:
        kill_descendants()


def _main(launch: Launch) -> int:
    if launch.limits is not None:
        keep_to(launch.limits, launch.sandboxed)
    log = os.dup(2)
    jvm = Jvm(launch, log)
    if launch.jvm_properties is not None:
        jvm.start(launch.jvm_properties)  # first of all: it takes longest
    app = _kernel_app(launch, jvm, log)
    if launch.jvm_properties is not None:
        try:
            _connect(launch, jvm)
        except JvmFailed as error:
            print(error, file=sys.stderr)
            return 1
    try:
        app.start()
    finally:
        jvm.stop()
    return 0


def _connect(launch: Launch, jvm: Jvm) -> None:
    import pyspark.sql  # noqa: F401  while the JVM is still busy with itself

    from .context import attach_gateway

    attach_gateway(jvm.connect())
    if launch.warm:
        from .warm_up import give_memory_back, hold_context, warm_up

        warm_up(launch)
        hold_context(launch)
        give_memory_back(launch)


def _kernel_app(launch: Launch, jvm: Jvm, log: int) -> IPKernelApp:
    # Jupyter's debugger: half a second of every start, and nobody can reach it through Athena's API.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    import ipykernel.debugger  # noqa: F401

    del sys.modules["debugpy"]
    from traitlets.config import Config

    from .app import DriverApp
    from .kernel import DriverKernel

    # sys.exit() is a fine way to end a calculation.
    warnings.filterwarnings("ignore", message="To exit: use 'exit', 'quit', or Ctrl-D.")
    # Descriptors are what a calculation's output is caught by, so Python's own streams stay on them, unbuffered.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    config = Config()
    config.IPKernelApp.connection_file = str(launch.connection_file)
    config.IPKernelApp.outstream_class = None
    config.IPKernelApp.kernel_class = DriverKernel
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    app = DriverApp.instance(config=config)
    app.initialize([])
    app.kernel.launch, app.kernel.jvm = launch, jvm
    app.kernel.out_descriptor, app.kernel.log_descriptor = os.dup(1), log
    _log_elsewhere(app.log, log)
    return app


def _log_elsewhere(logger: logging.Logger, log: int) -> None:
    """The kernel's own words go to the driver's log, also while descriptor 2 is a calculation's."""
    stream = os.fdopen(log, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    for each in (logger, logging.getLogger("tornado"), logging.getLogger()):
        for handler in each.handlers:
            if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
                handler.setStream(stream)
