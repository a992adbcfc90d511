"""Where the time of a start goes."""

from __future__ import annotations

import time


class Stages:
    """Milliseconds by stage, in the order in which they were reached."""

    def __init__(self) -> None:
        self.millis: dict[str, float] = {}
        #: Milliseconds since 1970.
        self.began_at = 1000 * time.time()
        self._since = time.perf_counter()

    def reached(self, name: str) -> None:
        """Ends the stage that began with the one before."""
        now = time.perf_counter()
        self.millis[name] = round(1000 * (now - self._since), 1)
        self._since = now
