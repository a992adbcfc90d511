"""Tables as text, in the form of Spark's `show()`, and as HTML."""

from __future__ import annotations

import html
import sys
from collections.abc import Sequence
from typing import Any

from IPython.display import display

#: Rows that a table shows; a result to work with belongs in a DataFrame.
MAX_ROWS = 1000


def show_table(frame: Any) -> None:
    """Prints a DataFrame of Spark or pandas, and adds it as HTML to the results."""
    if hasattr(frame, "take"):
        columns = list(frame.columns)
        rows: list[Sequence[Any]] = [tuple(row) for row in frame.take(MAX_ROWS + 1)] if columns else []
    else:
        columns = [str(name) for name in frame.columns]
        rows = list(frame.head(MAX_ROWS + 1).itertuples(index=False, name=None))
    if not columns:
        return  # DDL and the like have nothing to show
    more, rows = len(rows) > MAX_ROWS, rows[:MAX_ROWS]
    cells = [[_text(value) for value in row] for row in rows]
    note = f"only showing top {MAX_ROWS} rows" if more else ""
    text = _as_text(columns, cells) + (note + "\n" if note else "")
    sys.stdout.write(text)
    forms = {"text/plain": text, "text/html": _as_html(columns, cells, note)}
    # Whoever shows stdout and then the results shows the table once.
    display(forms, raw=True, metadata={"stdout": True})


def _as_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(3, len(name), *(len(row[at]) for row in rows)) for at, name in enumerate(columns)]
    rule = "+" + "+".join("-" * width for width in widths) + "+\n"

    def line(cells: Sequence[str]) -> str:
        return "|" + "|".join(cell.rjust(width) for cell, width in zip(cells, widths)) + "|\n"

    return rule + line(columns) + rule + "".join(map(line, rows)) + rule


def _as_html(columns: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    table = f"<table border='1'>\n<tr>{head}</tr>\n{body}</table>"
    return table + (f"\n{note}" if note else "")


def _text(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
