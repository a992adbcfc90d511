"""The interactive shell of a driver: IPython, with code compiled as `<stdin>` and errors in Athena's form."""

from __future__ import annotations

import os
import subprocess
import sys
from types import TracebackType
from typing import Any

from IPython.core.error import UsageError
from IPython.core.inputtransformer2 import leading_empty_lines
from ipykernel.compiler import XCachingCompiler
from ipykernel.zmqshell import ZMQInteractiveShell
from traitlets import Type

from .results import CurrentSpool, ResultDisplayHook, ResultDisplayPublisher
from .tracebacks import USER_FILE, format_error


class StdinCompiler(XCachingCompiler):
    """Names all code `<stdin>`.

    No source is kept under that name: a function of an earlier calculation would show lines of a later one.
    """

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        return USER_FILE


class DriverShell(ZMQInteractiveShell):
    """Runs the code of calculations."""

    displayhook_class = Type(ResultDisplayHook)
    display_pub_class = Type(ResultDisplayPublisher)
    #: The exception that ended the calculation, if one did; the kernel clears it before each.
    last_error: BaseException | None = None
    current_spool: CurrentSpool = staticmethod(lambda: None)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # IPython drops empty lines at the top, and every line number after them with it.
        transforms = self.input_transformer_manager.cleanup_transforms
        transforms[:] = [_lines_before_magic if each is leading_empty_lines else each for each in transforms]

    def init_environment(self) -> None:
        """Unlike in a notebook, nobody reads colours: stdout is a file."""
        os.environ.update(PAGER="cat", GIT_PAGER="cat")
        # A figure's own form, and a page of a few kilobytes that loads Plotly's script; its default puts 4 MB in each.
        os.environ.setdefault("PLOTLY_RENDERER", "plotly_mimetype+notebook_connected")

    def showtraceback(
        self,
        exc_tuple: tuple[type[BaseException], BaseException, TracebackType] | None = None,
        filename: str | None = None,
        tb_offset: int | None = None,
        exception_only: bool = False,
        running_compiled_code: bool = False,
    ) -> None:
        kind, error, trace = self._get_exc_info(exc_tuple)
        # IPython fails in its turn over an exception whose text fails; the code's own comes first.
        self.last_error = self.last_error or error
        if isinstance(error, SystemExit) and error.code in (None, 0):
            return
        text = str(error) + "\n" if kind is UsageError else format_error(kind, error, trace)
        spool = self.current_spool()
        if spool is not None:
            spool.repair()
        sys.stdout.flush()
        sys.stderr.write(text)
        try:
            self._showtraceback(kind, error, text.splitlines())
        except Exception:
            self._last_traceback = text.splitlines()  # the exception's own text fails

    def showsyntaxerror(self, filename: str | None = None, running_compiled_code: bool = False) -> None:
        self.showtraceback()

    def ask_exit(self) -> None:
        """`exit()` and `quit()` end a calculation, not its session."""
        raise SystemExit(0)

    def system(self, cmd: str) -> None:
        """`!command`: it inherits stdout and stderr, so its output stands where it belongs."""
        sys.stdout.flush()
        sys.stderr.flush()
        # subprocess waits for the child after a KeyboardInterrupt, which the child has got as well.
        self.user_ns["_exit_code"] = subprocess.call(self.var_expand(cmd, depth=1), shell=True)


def _lines_before_magic(lines: list[str]) -> list[str]:
    """Cell magics must stand on the first line; for all other code empty lines at the top stay."""
    for position, line in enumerate(lines):
        if line.strip():
            return lines[position:] if line.startswith("%%") else lines
    return lines
