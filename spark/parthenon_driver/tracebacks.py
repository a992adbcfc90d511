"""Errors in the form of Athena's engine: `File "<stdin>", line 2, in <module>` and no header line above it."""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Iterable
from types import TracebackType

import IPython
import ipykernel

#: What user code is compiled as.
USER_FILE = "<stdin>"

_HEADER = "Traceback (most recent call last):\n"


def _folder(path: str) -> str:
    return os.path.dirname(os.path.abspath(path)) + os.sep


_MACHINERY = tuple(_folder(path) for path in (IPython.__file__, ipykernel.__file__, __file__))
#: Python's own, the session's, and those of the environment that all sessions share, where IPython lies.
_LIBRARIES = (
    *(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    _folder(os.path.dirname(IPython.__file__)),
)


def format_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """The text for stderr; ends with a line feed.

    Frames of IPython and of this package are cut, and library frames that they call: nobody's bug is there. Causes and
    contexts are kept, each in the same form.
    """
    described = traceback.TracebackException(kind, error, trace, compact=True)
    _trim(described)
    return "".join(_dedent(line) for line in described.format(chain=True) if line != _HEADER)


def _trim(described: traceback.TracebackException | None) -> None:
    while described is not None:
        described.stack[:] = _of_interest(described.stack)
        _trim(described.__cause__)
        described = described.__context__


def _of_interest(frames: Iterable[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    kept, within_machinery = [], True
    for frame in frames:
        if frame.filename.startswith(_MACHINERY):
            within_machinery = True
        elif not frame.filename.startswith(_LIBRARIES):
            within_machinery = False
        if not within_machinery:
            kept.append(frame)
    return kept


def _dedent(text: str) -> str:
    """Takes away the two spaces that Python sets before a frame, and before what belongs to it."""
    if not text.startswith("  "):
        return text
    return "".join(line[2:] if line.startswith("  ") else line for line in text.splitlines(keepends=True))
