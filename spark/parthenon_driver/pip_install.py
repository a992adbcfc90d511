"""`%pip`: Python packages of the session's own.

The driver runs in a virtual environment of its own on top of the one that all sessions share (`session-python.ts`), so pip
itself sees to it that packages go there, and that nothing of the shared one is changed.
"""

from __future__ import annotations

import importlib
import shlex
import subprocess
import sys
from importlib.metadata import distribution, distributions
from itertools import count
from pathlib import PurePath
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from pyspark import SparkContext

#: A variable of Spark's Python workers: those with another value are other processes.
_GENERATION = "PARTHENON_PACKAGES"
_generations = count(1)


def use_own_python(context: SparkContext) -> None:
    """Lets Spark's Python workers find the session's packages where they run on this machine."""
    if context.master.startswith("local"):
        context.pythonExec = sys.executable


def pip(line: str, context: SparkContext | None) -> None:
    """Runs pip as a shell would.

    :param line: what follows `%pip`
    :param context: the session's; its Python workers start anew when a package is another than it was
    :raises UsageError: when pip fails; it has said why on stderr
    """
    before = _versions()
    sys.stdout.flush()
    sys.stderr.flush()
    code = subprocess.call(f"{shlex.quote(sys.executable)} -m pip {line}", shell=True)
    importlib.invalidate_caches()
    if code != 0:
        raise UsageError(f"pip ended with exit code {code}")
    after = _versions()
    replaced = [name for name, version in before.items() if after.get(name) != version]
    if replaced and context is not None:
        context.environment[_GENERATION] = str(next(_generations))
    loaded = sorted({module for name in replaced if name in after for module in _modules(name) if module in sys.modules})
    if loaded:
        print(f"Note: {', '.join(loaded)} had been imported before, and what was imported stays until the session ends.")


def _versions() -> dict[str, str]:
    """By the package's name; where there are two, the one that `import` finds."""
    found: dict[str, str] = {}
    for each in distributions():
        found.setdefault(each.name, each.version)
    return found


def _modules(name: str) -> set[str]:
    """What a package puts beside others on `sys.path`: modules and folders of modules."""
    return {PurePath(file.parts[0]).stem for file in distribution(name).files or () if file.suffix in (".py", ".so")}
