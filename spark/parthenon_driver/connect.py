"""Spark Connect for the session's own SparkContext: started when somebody asks for it, reached through the server alone."""

from __future__ import annotations

import os
import secrets
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark import SparkContext

#: Spark's way to start it, which listens on every interface and asks nobody who they are.
_PLUGIN = "org.apache.spark.sql.connect.SparkConnectPlugin"
_PLUGINS = "spark.plugins"

#: Where Spark tells the Python of a streaming query's functions how to reach the session.
_OWN_CLIENTS = "SPARK_CONNECT_LOCAL_URL"


class Connect:
    """The service of one driver."""

    def __init__(self) -> None:
        self._address: dict[str, Any] | None = None

    def start(self, context: SparkContext | None) -> dict[str, Any]:
        """Starts it if it does not run yet.

        :returns: its port on the loopback interface, and the secret that every call must carry as `x-parthenon-secret`
        """
        if context is None or context._jsc is None:
            raise RuntimeError("The session has no SparkContext: its code has stopped it.")
        if self._address is None:
            server, secret = context._jvm.parthenon.connect.ConnectServer, secrets.token_urlsafe(32)
            server.usePython(context.pythonExec)
            self._address = {"port": server.start(context._jsc.sc(), secret), "secret": secret}
            _let_own_clients_in(secret)
        return self._address

    def works(self, context: SparkContext | None) -> bool:
        """Whether a query of a client runs, also one whose client has gone for a moment."""
        return self._address is not None and context is not None and context._jvm.parthenon.connect.ConnectServer.works()


def without_plugin(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties without Spark's own way to start Spark Connect: every session has it."""
    plugins = [each.strip() for each in properties.get(_PLUGINS, "").split(",") if each.strip()]
    if _PLUGIN not in plugins:
        return dict(properties)
    others = [each for each in plugins if each != _PLUGIN]
    rest = {name: value for name, value in properties.items() if name != _PLUGINS}
    return {**rest, _PLUGINS: ",".join(others)} if others else rest


def _let_own_clients_in(secret: str) -> None:
    """`foreachBatch` and listeners run in a Python that calls the session's own service: it has to know the secret.

    By a file of this driver's own Python environment, for its owner's eyes: an environment variable is handed on.
    """
    url = f'os.environ["{_OWN_CLIENTS}"]'
    line = f'import os; "{_OWN_CLIENTS}" in os.environ and exec(\'{url} += ";x-parthenon-secret={secret}"\')\n'
    path = Path(sysconfig.get_path("purelib")) / "parthenon-connect.pth"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(line)
