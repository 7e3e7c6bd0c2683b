"""The table of bad payloads against a server process: status, counted reason, memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.rpc import status_pb2
from tests.faults.asking import MIB, Memory, ask, export, kept, rejected
from tests.faults.bodies import CASES, JSON, Sent
from tests.processes import ServeProcess, serving
from tests.serving import Reply

pytestmark = pytest.mark.slow

# A value of 60 MiB is in memory four times at most: as it came, as a message, as an attribute and
# as text; later as it came, as text, encoded and cut out. One refused for its size is there once.
MOST_KEPT_BYTES = 384 * MIB
MOST_REFUSED_BYTES = 200 * MIB
# What is read again and what DuckDB caches; a block of a request of 20 MiB is far larger.
MOST_LEFT_BYTES = 80 * MIB
LARGE = ("a 20 MiB attribute", "a 60 MiB attribute", "a span name of 60 MiB")


class Watched:
    """A server and how much memory it had when nothing had happened."""

    def __init__(self, server: ServeProcess) -> None:
        self.server = server
        self.memory = Memory(server.process.pid)
        export(server, b"")
        self.idle_bytes = self.memory.now_bytes


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with serving(tmp_path_factory.mktemp("payloads") / "data") as server:
        yield Watched(server)
        assert server.stop() == 0
        log = server.log.read_text()
        assert "Traceback" not in log
        assert "failed" not in log


@pytest.mark.parametrize("name", CASES)
def test_a_bad_payload_is_answered_as_the_table_says(watched: Watched, name: str) -> None:
    sent, server = CASES[name](), watched.server
    watched.memory.forget_peak()
    before = watched.memory.now_bytes
    reply = export(server, sent.body, content_type=sent.content_type, encoding=sent.encoding)
    assert reply.status == sent.status, reply.body
    if sent.status == 200:
        count, reason = rejected(reply)
        assert count == sent.rejected, reason
        assert sent.reason in reason
        assert bool(reason) == bool(count)
        assert watched.memory.peak_bytes - watched.idle_bytes < MOST_KEPT_BYTES
    else:
        assert sent.reason in refusal(reply, sent)
        assert watched.memory.peak_bytes - before < MOST_REFUSED_BYTES
    for span in sent.kept:
        found = kept(server, span)
        assert found is not None, "acknowledged and not there"
        assert found["attributes"].get("trimtab.repaired") == sent.repairs
        assert sent.expect(found)
    for span in sent.gone:
        assert kept(server, span) is None
    assert ask(server, "GET", "/healthz").status == 200


def test_large_requests_leave_no_memory_behind(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        watched = Watched(server)
        for name in LARGE * 2:
            sent = CASES[name]()
            assert export(server, sent.body, encoding=sent.encoding).status == 200
            assert watched.memory.now_bytes - watched.idle_bytes < MOST_LEFT_BYTES, name


def refusal(reply: Reply, sent: Sent) -> str:
    """The message of a google.rpc.Status, in the encoding of the request."""
    kind = (sent.content_type or "").partition(";")[0]
    if kind == "application/x-protobuf":
        assert reply.headers["content-type"] == kind
        return str(status_pb2.Status.FromString(reply.body).message)
    assert reply.headers["content-type"] == JSON
    assert set(reply.json) == {"code", "message"}
    return str(reply.json["message"])
