"""Everything that a driver started, found by parents in /proc: also what has cleared its environment or left its group.

Linux only. A process whose parent ends becomes the child of the nearest subreaper above it, which the driver is.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time

_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.02
_TIMEOUT_S = 3.0


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant whose own parent ends, so that none gets out of sight."""
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if prctl is None or prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "The driver cannot become a child subreaper")


def kill_descendants() -> None:
    """Kills everything below this process, until nothing is left; gives up on what no signal reaches."""
    deadline = time.monotonic() + _TIMEOUT_S
    while (living := descendants(os.getpid())) and time.monotonic() < deadline:
        # All are stopped before the first is killed: what is stopped starts nothing.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in living:
                _signal(pid, number)
        time.sleep(_POLL_S)


def descendants(ancestor: int) -> list[int]:
    """Process ids of all living processes below this one."""
    children: dict[int, list[tuple[int, bool]]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    # The command's name stands in parentheses and may hold anything.
                    state, parent = file.read().rpartition(") ")[2].split()[:2]
            except (OSError, ValueError):
                continue  # ended meanwhile
            children.setdefault(int(parent), []).append((int(entry), state not in "ZX"))
    found, next_parents = [], [ancestor]
    while next_parents:
        below = children.pop(next_parents.pop(), [])
        next_parents += [pid for pid, _ in below]
        found += [pid for pid, lives in below if lives]
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # ended meanwhile, or became another user's by sudo
