"""The application around the kernel."""

from __future__ import annotations

from typing import Any

from ipykernel import kernelapp
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import IPKernelApp


class _IOPubThread(IOPubThread):
    """ipykernel's, without the TCP port by which forks would send what they print: descriptors carry that here."""

    def __init__(self, socket: Any, pipe: bool = False, session: Any = False) -> None:
        super().__init__(socket, session=session)


kernelapp.IOPubThread = _IOPubThread  # type: ignore[misc]


class DriverApp(IPKernelApp):
    """ipykernel's, without its word of welcome: the driver's log is for what went wrong."""

    def log_connection_info(self) -> None:
        self._ports = {
            "shell": self.shell_port,
            "iopub": self.iopub_port,
            "stdin": self.stdin_port,
            "hb": self.hb_port,
            "control": self.control_port,
        }
