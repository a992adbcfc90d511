"""Where a calculation's output goes: a folder that only counts once it has been renamed.

`<calculation>.open/` is being written; `<calculation>/` is complete and durable. Descriptors 1 and 2 themselves are
pointed at its files, so that Python, C code and subprocesses keep their order and no size needs memory.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class Spool:
    """One calculation's folder, from its first byte to the rename."""

    def __init__(self, root: Path, calculation_id: str) -> None:
        self._open = root / f"{calculation_id}.open"
        self._closed = root / calculation_id
        self._saved: tuple[int, int] | None = None
        self._started = datetime.now(timezone.utc)
        self._open.mkdir(parents=True, mode=0o700)
        # In a JSON string `\ud800`, which is what this makes of a lone surrogate, stands for just that.
        self._results = open(self._open / "result.json", "w", encoding="utf-8", errors="backslashreplace")
        self._results.write('{"version":1,"outputs":[')
        self._separator = "\n"

    def capture(self) -> None:
        """Points descriptors 1 and 2 at this calculation's files."""
        _flush()
        self._saved = (os.dup(1), os.dup(2))
        for target, name in ((1, "stdout"), (2, "stderr")):
            descriptor = os.open(self._open / name, _APPEND, 0o600)
            os.dup2(descriptor, target)
            os.close(descriptor)

    def release(self) -> None:
        """Points descriptors 1 and 2 back at the driver's log."""
        if self._saved is None:
            return
        _flush()
        files = os.dup(1), os.dup(2)
        for target, saved in zip((1, 2), self._saved):
            os.dup2(saved, target)
            os.close(saved)
        self._saved = None
        for file in files:
            os.fsync(file)
            os.close(file)

    def add_result(self, output: dict[str, Any]) -> None:
        """Adds one output: a JSON object with `output_type`."""
        text = json.dumps(output, ensure_ascii=False, separators=(",", ":"))  # all of it or, when that fails, nothing
        self._results.write(self._separator + text)
        self._separator = ",\n"

    def close(self, status: str, error: tuple[str, str] | None) -> None:
        """Makes everything durable and shows it by one rename.

        :param status: `ok`, `error` or `interrupted`
        :param error: the exception's class and text
        """
        self._results.write("\n]}\n")
        _close_durably(self._results)
        ename, evalue = error or (None, None)
        with open(self._open / "outcome.json", "w", encoding="utf-8") as file:
            json.dump(
                {
                    "status": status,
                    "ename": ename,
                    "evalue": evalue,
                    "started_at": self._started.isoformat(),
                    "ended_at": datetime.now(timezone.utc).isoformat(),
                },
                file,
            )
            _close_durably(file)
        _sync_folder(self._open)
        self._open.rename(self._closed)
        _sync_folder(self._closed.parent)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            pass  # a stream that user code replaced or closed


def _close_durably(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
