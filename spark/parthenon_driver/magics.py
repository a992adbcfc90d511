"""Magics that Athena's notebooks know: `%%sql`, `%help`, `%session_id`, …"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import display

from .pip_install import pip
from .table_formats import stand_ins
from .tables import show_table

if TYPE_CHECKING:
    from .kernel import DriverKernel

_HELP = """\
%%sql                    runs the cell as one SQL statement and shows its result
%table <DataFrame>       shows a DataFrame of Spark or pandas as a table
%matplot plt             shows the current Matplotlib figure
%plotly <figure>         shows a Plotly figure
%pip install <package>   installs a Python package for this session
%session_id              the session's id
%list_sessions           the sessions that can be seen from here: this one
%status                  the session's state
%set_log_level <level>   level of Spark's own log: ALL, DEBUG, INFO, WARN, ERROR, FATAL, OFF
%help                    this text"""

_LEVELS = ("ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF")


@magics_class
class AthenaMagics(Magics):
    """Athena's magics; the names are AWS's."""

    kernel: DriverKernel

    @cell_magic
    def sql(self, line: str, cell: str) -> None:
        show_table(self.shell.user_ns["spark"].sql(f"{line}\n{cell}".strip().rstrip(";")))

    @line_magic
    def table(self, line: str) -> None:
        show_table(self.shell.ev(line))

    @line_magic
    def matplot(self, line: str) -> None:
        import matplotlib.pyplot as pyplot

        display(pyplot.gcf())
        pyplot.close()

    @line_magic
    def plotly(self, line: str) -> None:
        show_plotly(self.shell.ev(line))

    @line_magic
    def pip(self, line: str) -> None:
        pip(line, self.shell.user_ns.get("sc"))

    @line_magic
    def session_id(self, line: str) -> str | None:
        print(self.kernel.session_id)

    @line_magic
    def list_sessions(self, line: str) -> None:
        print(f"{self.kernel.session_id}\t{self.kernel.work_group}\tBUSY")

    @line_magic
    def status(self, line: str) -> None:
        # Who can ask is the code that runs.
        context = self.shell.user_ns["sc"]
        print(f"Session {self.kernel.session_id}\nState BUSY\nSpark {context.version} on {context.master}")
        for each in stand_ins(context.getConf().getAll()):
            print(each)

    @line_magic
    def set_log_level(self, line: str) -> None:
        level = line.strip().upper()
        if level not in _LEVELS:
            raise ValueError(f"log level must be one of {', '.join(_LEVELS)}")
        self.shell.user_ns["sc"].setLogLevel(level)

    @line_magic
    def help(self, line: str) -> None:
        print(_HELP)


def show_plotly(figure: object) -> None:
    """Shows a Plotly figure in its own form, and as a page for those who cannot draw that."""
    display(
        {
            # Plotly's own encoding: its plain dictionaries hold numpy arrays.
            "application/vnd.plotly.v1+json": json.loads(figure.to_json()),
            "text/html": figure.to_html(include_plotlyjs="cdn", full_html=False),
        },
        raw=True,
    )


def register(kernel: DriverKernel) -> None:
    """Gives the kernel's shell Athena's magics."""
    magics = AthenaMagics(kernel.shell)
    magics.kernel = kernel
    kernel.shell.register_magics(magics)
