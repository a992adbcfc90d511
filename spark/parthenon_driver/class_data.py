"""The class-data archive: what a driver's JVM has loaded once it is warm, for Java to map in place of reading it again.

https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
"""

from __future__ import annotations

import dataclasses

from .jvm import Jvm
from .launch import Launch

#: To write some 200 MB; the disk may be slow.
_DUMP_TIMEOUT_S = 300

def make_class_data(launch: Launch) -> None:
    """Starts a JVM as drivers have it, uses what sessions use, and ends it; it writes the archive at its end.

    :param launch: of a driver; `class_data` is the file to write
    """
    import pyspark.sql  # noqa: F401  as a driver does while the JVM is busy with itself

    from .context import attach_gateway
    from .warm_up import use_connect, warm_up

    jvm = Jvm(dataclasses.replace(launch, makes_class_data=True), 2)
    jvm.start({})
    attach_gateway(jvm.connect())
    warm_up(launch)
    use_connect(launch)
    jvm.stop(_DUMP_TIMEOUT_S)
