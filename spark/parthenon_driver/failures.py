"""How a calculation that failed is told to the server."""

from __future__ import annotations

from typing import Any

#: Characters of an exception's text that the server is told; all of it stands on stderr.
_LONGEST_TOLD = 10_000


def failure(error: BaseException) -> dict[str, Any]:
    try:
        text = str(error)
    except Exception:
        text = "<exception str() failed>"  # Python's own words for it
    return {"status": "error", "ename": type(error).__name__, "evalue": text, "traceback": []}


def sendable(text: str) -> str:
    """In the form in which it stands on stderr: neither the reply nor the server's database can hold lone surrogates."""
    return text[:_LONGEST_TOLD].encode("utf-8", "backslashreplace").decode("utf-8")
