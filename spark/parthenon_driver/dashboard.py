"""The Spark UI of the session's SparkContext: made when somebody wants to see it, and reached through the server alone."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from .java_names import java_class

if TYPE_CHECKING:
    from pyspark import SparkContext


class Dashboard:
    """The UI of one driver."""

    def __init__(self) -> None:
        #: When the session began, in milliseconds since 1970: a context of the pool is older.
        self.began_at = 0
        self._shown: SparkContext | None = None
        self._address: dict[str, Any] = {}

    def start(self, context: SparkContext | None) -> dict[str, Any]:
        """Makes it if there is none yet of this context.

        :returns: its port on the loopback interface, the secret that every request must carry as `x-parthenon-secret`, and the
            proof that every answer carries as `x-parthenon-proof`. They are new for each UI: the port of one that has ended may
            be another process's.
        """
        if context is None or context._jsc is None or context._jsc.sc().isStopped():
            raise RuntimeError("The session has no SparkContext: its code has stopped it.")
        if self._shown is not context:
            secret, proof = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
            port = java_class("parthenon.ui.Dashboard").start(context._jsc.sc(), self.began_at, secret, proof)
            self._address = {"port": port, "secret": secret, "proof": proof}
            self._shown = context
        return self._address
