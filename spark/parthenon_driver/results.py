"""Rich results: what a calculation displays, and the value of its last expression."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ipykernel.displayhook import ZMQShellDisplayHook
from ipykernel.jsonutil import encode_images, json_clean
from ipykernel.zmqshell import ZMQDisplayPublisher

from .spool import Spool

CurrentSpool = Callable[[], "Spool | None"]


class ResultDisplayHook(ZMQShellDisplayHook):
    """The value of the last expression: its text on stdout, as in Python's own shell, and all its forms as a result."""

    current_spool: CurrentSpool = staticmethod(lambda: None)

    def finish_displayhook(self) -> None:
        content = self.msg["content"] if self.msg else None
        super().finish_displayhook()
        spool = self.current_spool()
        if spool is None or content is None or not content["data"]:
            return
        text = content["data"].get("text/plain")
        if text is not None:
            sys.stdout.write(text + "\n")
        spool.add_result(
            {"output_type": "execute_result", "data": content["data"], "metadata": json_clean(content["metadata"] or {})}
        )


class ResultDisplayPublisher(ZMQDisplayPublisher):
    """`display(…)`, figures and all that shows itself."""

    current_spool: CurrentSpool = staticmethod(lambda: None)

    def publish(self, data: dict[str, Any], metadata: dict[str, Any] | None = None, **options: Any) -> None:
        super().publish(data, metadata, **options)
        spool = self.current_spool()
        if spool is not None:
            spool.add_result(
                {
                    "output_type": "display_data",
                    "data": json_clean(encode_images(data)),
                    "metadata": json_clean(metadata or {}),
                }
            )
