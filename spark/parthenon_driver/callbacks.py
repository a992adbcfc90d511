"""The way back from the JVM (`foreachBatch`, streaming listeners): a port of this machine, on which PySpark asks nobody who they are."""

from __future__ import annotations

from typing import Any

from pyspark import java_gateway


def ask_callers(gateway: Any, secret: str) -> None:
    """Has Python take calls from those alone who know the secret of the way there, which is a JVM's own.

    :param gateway: a py4j `ClientServer` whose callback server has not been started
    """
    gateway.python_parameters.auth_token = secret
    start = java_gateway.ensure_callback_server_started

    def start_and_tell(gateway: Any) -> None:
        started = gateway.__dict__.get("_callback_server") is not None
        start(gateway)
        if not started:
            _tell_jvm(gateway, secret)

    # PySpark looks this up whenever it is about to need one.
    java_gateway.ensure_callback_server_started = start_and_tell


def _tell_jvm(gateway: Any, secret: str) -> None:
    """Gives the JVM's client the secret that py4j loses when it is told of the port (`PythonClient.copyWith`)."""
    server = java_gateway.JavaObject("GATEWAY_SERVER", gateway._gateway_client)
    field = gateway.jvm.java.lang.Class.forName("py4j.CallbackClient").getDeclaredField("authToken")
    field.setAccessible(True)
    field.set(server.getCallbackClient(), secret)
