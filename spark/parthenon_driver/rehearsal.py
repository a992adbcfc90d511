"""An S3 with one object, on loopback, for a driver that waits: S3A's first request takes a second, of classes alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: An empty zip file: what a jar is at least.
_EMPTY_JAR = b"PK\x05\x06" + bytes(18)
_NO_OBJECTS = b"<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>"


@contextmanager
def one_object() -> Iterator[str]:
    """Gives the address of an S3 whose every key is an empty jar, while the block runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _OneObject) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), name="rehearsal", daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class _OneObject(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(_EMPTY_JAR)

    def do_GET(self) -> None:
        self._answer(_NO_OBJECTS if "list-type=" in self.path else _EMPTY_JAR)

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"0"')
        self.send_header("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""
