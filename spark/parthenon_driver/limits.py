"""What the kernel lets no process of this driver exceed, whatever its code does; the server looks at their sums (`limits.ts`)."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Mapping

#: From here on Linux counts processes by user namespace: before, those of all sessions would count for each.
_COUNTED_BY_NAMESPACE = (5, 14)


def keep_to(limits: Mapping[str, int], sandboxed: bool) -> None:
    """Limits this process and all that it will start; nobody in them can take that back.

    :param limits: `memory_bytes`, `processes`, `disk_bytes`
    :param sandboxed: whether the driver has a user namespace of its own
    """
    # Not the address space: a JVM reserves many times what it ever uses.
    _limit(resource.RLIMIT_DATA, limits["memory_bytes"])
    _limit(resource.RLIMIT_FSIZE, limits["disk_bytes"])
    _limit(resource.RLIMIT_CORE, 0)
    if sandboxed and _kernel() >= _COUNTED_BY_NAMESPACE:
        _limit(resource.RLIMIT_NPROC, limits["processes"])


def _limit(what: int, wanted: int) -> None:
    _, most = resource.getrlimit(what)
    limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(what, (limit, limit))


def _kernel() -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return tuple(map(int, found.groups())) if found else ()
