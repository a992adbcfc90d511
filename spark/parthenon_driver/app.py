"""The application around the kernel."""

from __future__ import annotations

from ipykernel.kernelapp import IPKernelApp


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
