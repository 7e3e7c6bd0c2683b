"""A provider on loopback that says given parts in a dialect, for the real clients of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trimtab.dialects.llm.dialect import Dialect
from trimtab.dialects.llm.parts import Part
from trimtab.errors import TrimtabError


@contextlib.contextmanager
def serving(
    dialect: Dialect, answers: Mapping[str, Sequence[Part | TrimtabError]]
) -> Iterator[str]:
    """The base URL of a server whose models are the names of these answers.

    An error among the parts of a stream is one of the gateway's own; first of all, it is the
    answer.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = dialect.envelope(self.rfile.read(int(self.headers["content-length"])))
            writer = dialect.writer(asked, id="answer_1", created_s=1_700_000_000)
            parts = answers[asked.model]
            if isinstance(parts[0], TrimtabError):
                self._send("application/json", dialect.error(parts[0]), parts[0].status)
            elif asked.stream:
                said = (
                    dialect.error_event(part)
                    if isinstance(part, TrimtabError)
                    else writer.stream(part)
                    for part in parts
                )
                self._send("text/event-stream", b"".join(said))
            else:
                said_whole = [part for part in parts if not isinstance(part, TrimtabError)]
                self._send("application/json", writer.body(said_whole))

        def _send(self, media_type: str, body: bytes, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()
