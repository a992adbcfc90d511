"""Errors in the form of Athena's engine: `File "<stdin>", line 2, in <module>` and no header line above it."""

from __future__ import annotations

import os
import traceback
from types import TracebackType

import IPython
import ipykernel

#: What user code is compiled as.
USER_FILE = "<stdin>"

_HEADER = "Traceback (most recent call last):\n"
_MACHINERY = tuple(
    os.path.dirname(os.path.abspath(path)) + os.sep for path in (IPython.__file__, ipykernel.__file__, __file__)
)


def format_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """The text for stderr; ends with a line feed.

    Frames of IPython and of this package are cut, wherever they stand: nobody's bug is there. Causes and contexts are
    kept, each in the same form.
    """
    described = traceback.TracebackException(kind, error, trace, compact=True)
    _trim(described)
    return "".join(_dedent(line) for line in described.format(chain=True) if line != _HEADER)


def _trim(described: traceback.TracebackException | None) -> None:
    while described is not None:
        kept = [frame for frame in described.stack if not frame.filename.startswith(_MACHINERY)]
        described.stack[:] = kept
        _trim(described.__cause__)
        described = described.__context__


def _dedent(text: str) -> str:
    """Takes away the two spaces that Python sets before a frame, and before what belongs to it."""
    if not text.startswith("  "):
        return text
    return "".join(line[2:] if line.startswith("  ") else line for line in text.splitlines(keepends=True))
