"""Where a calculation's output goes: a folder that only counts once it has been renamed.

`<calculation>.open/` is being written; `<calculation>/` is complete and durable. Descriptors 1 and 2 themselves are
pointed at its files, so that Python, C code and subprocesses keep their order and no size needs memory.
"""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class Spool:
    """One calculation's folder, from its first byte to the rename."""

    def __init__(self, root: Path, calculation_id: str, beside: tuple[int, int]) -> None:
        """:param beside: the descriptors that 1 and 2 are pointed at while no calculation runs"""
        self._open = root / f"{calculation_id}.open"
        self._closed = root / calculation_id
        self._beside = beside
        self._files: dict[int, int] = {}
        self._started = datetime.now(timezone.utc)
        self._open.mkdir(parents=True, mode=0o700)
        # In a JSON string `\ud800`, which is what this makes of a lone surrogate, stands for just that.
        self._results = open(self._open / "result.json", "w", encoding="utf-8", errors="backslashreplace")
        self._results.write('{"version":1,"outputs":[')
        self._separator = "\n"

    def capture(self) -> None:
        """Points descriptors 1 and 2 at this calculation's files."""
        repair_streams()
        _flush()
        for target, name in ((1, "stdout"), (2, "stderr")):
            # Kept beside 1 and 2, which the code may close.
            self._files[target] = os.open(self._open / name, _APPEND, 0o600)
            os.dup2(self._files[target], target)

    def repair(self) -> None:
        """Makes descriptors and streams work again that the code has closed."""
        for target, file in self._files.items():
            if not _is_open(target):
                os.dup2(file, target)
        repair_streams()

    def release(self) -> None:
        """Points descriptors 1 and 2 at the driver's own files, and makes durable what came till now."""
        _flush()
        for target, beside in zip((1, 2), self._beside, strict=True):
            os.dup2(beside, target)
        repair_streams()
        while self._files:
            _, file = self._files.popitem()
            try:
                os.fsync(file)
            finally:
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


def repair_streams() -> None:
    """Gives back `sys.stdout` and `sys.stderr` where code has closed them; what it has put in their place stays."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        for each in (f"__{name}__", name):
            if not _is_usable(getattr(sys, each, None)):
                setattr(sys, each, _stream(descriptor, name))


def _is_usable(stream: Any) -> bool:
    try:
        return stream is not None and not stream.closed
    except Exception:
        return False  # detached, say


def _stream(descriptor: int, name: str) -> TextIO:
    raw = io.FileIO(descriptor, "w", closefd=False)
    raw.name = f"<{name}>"
    # As Python makes them for `-u`, and boot.py after it.
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _flush() -> None:
    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        try:
            getattr(sys, name).flush()
        except Exception:
            pass  # a stream that user code replaced, closed or removed


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
