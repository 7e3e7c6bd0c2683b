"""A disk that is full or may not be written: 503 until it can be, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from google.rpc import status_pb2
from tests.api.otlp import a_span, an_export, with_attribute
from tests.faults.asking import ask, export, rejected
from tests.faults.disks import Disk, SmallFiles, read_only, small_disk
from tests.faults.senders import Sender, check, langfuse_messages, otlp_messages
from tests.processes import serving

pytestmark = pytest.mark.slow

POWERLESS = str(Path(__file__).with_name("powerless_serve.py"))


@pytest.fixture(params=["a small disk", "small files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Disk]]:
    """A data directory where space can be taken away, in two ways."""
    data = tmp_path / "data"
    if request.param == "small files":
        yield data, SmallFiles()
        return
    with small_disk(data, mib=24) as found:
        yield data, found


def test_a_full_disk_is_a_503_until_there_is_space_and_costs_nothing_acknowledged(
    disk: tuple[Path, Disk],
) -> None:
    data, space = disk
    senders = [Sender(otlp_messages(1)), Sender(langfuse_messages(2))]
    with serving(data) as server:
        url, pid = server.client.url, server.process.pid
        for sender in senders:
            sender.send_some(url, 4)
        space.fill(pid)
        for sender in senders:
            sender.send_some(url, 40)
            assert sender.statuses[503] > 0, "the disk was not full"
            assert set(sender.statuses) <= {200, 207, 503}
        refused = export(server, an_export(a_span()))
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert "free space" in status_pb2.Status.FromString(refused.body).message
        assert ask(server, "GET", "/healthz").status == 200
        assert ask(server, "GET", "/readyz").status == 503
        # What is there can be read all the while.
        assert len(server.client.traces()) > 1
        space.clear(pid)
        for sender in senders:
            refusals = sender.statuses[503]
            sender.send_some(url, 6)
            assert sender.statuses[503] == refusals, "it did not recover by itself"
        assert ask(server, "GET", "/readyz").status == 200
        check(server.client, *senders)
        if not isinstance(space, SmallFiles):  # the log is a file as well
            assert f"at {data}" in server.log.read_text()
        server.kill()
    with serving(data) as server:
        check(server.client, *senders)
        assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()


def test_a_server_that_is_killed_on_a_full_disk_starts_when_there_is_space(
    disk: tuple[Path, Disk],
) -> None:
    data, space = disk
    sender = Sender(otlp_messages(1))
    with serving(data) as server:
        sender.send_some(server.client.url, 4)
        space.fill(server.process.pid)
        sender.send_some(server.client.url, 20)
        server.kill()
        if not isinstance(space, SmallFiles):
            space.clear(server.process.pid)
    with serving(data) as server:
        check(server.client, sender)


@pytest.mark.parametrize("work", ["admin/compact", "erase"])
def test_a_disk_that_is_full_during_upkeep_costs_nothing_that_is_kept(
    disk: tuple[Path, Disk], work: str
) -> None:
    data, space = disk
    keep, drop = Sender(otlp_messages(1)), Sender(otlp_messages(2, session="drop"))
    body = b'{"sessions": ["drop"]}' if work == "erase" else b""
    headers = {"content-type": "application/json"}
    with serving(data) as server:
        for sender in (keep, drop) * 3:
            sender.send_some(server.client.url, 4)
        space.fill(server.process.pid)
        reply = ask(server, "POST", f"/api/v1/{work}", body, headers)
        assert reply.status in (200, 503), reply.body
        check(server.client, keep)
        space.clear(server.process.pid)
        assert ask(server, "POST", f"/api/v1/{work}", body, headers).status == 200
        keep.send_some(server.client.url, 2)
        assert keep.statuses == {200: 14}
        check(server.client, keep)
        server.kill()
    with serving(data) as server:
        check(server.client, keep)
        assert (
            not drop.acknowledged.keys()
            & {(s["trace_id"], s["span_id"]) for s in server.client.spans("session:drop")}
            or work != "erase"
        )
    assert "Traceback" not in server.log.read_text()


# -- read-only -----------------------------------------------------------------------------------


def test_a_directory_that_may_not_be_written_ends_the_start_with_its_name(tmp_path: Path) -> None:
    data = tmp_path / "disk" / "data"
    data.mkdir(parents=True)
    with serving(data) as server:
        assert rejected(export(server, an_export(a_span()))) == (0, "")
        server.stop()
    with read_only(tmp_path / "disk"):
        command = [sys.executable, "-m", "trimtab", "serve", "--data", str(data), "--port", "0"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (2, 4)
    assert str(data) in done.stderr
    assert "Traceback" not in done.stderr
    with serving(data) as server:
        assert server.client.get("/api/v1/spans/count")["count"] == 1


def test_permissions_taken_away_from_a_running_server_are_a_503_until_they_are_back(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    sender = Sender(otlp_messages(1, spans=40))
    large = with_attribute(a_span(), "text", string_value="large " * 20_000)
    with serving(data, program=(POWERLESS,)) as server:
        sender.send_some(server.client.url, 3)
        directories = [data, *(path for path in data.rglob("*") if path.is_dir())]
        for directory in directories:
            directory.chmod(0o500)
        try:
            # What needs no new file is still kept, and the rest refused.
            refused = export(server, an_export(large))
            assert refused.status == 503
            assert int(refused.headers["retry-after"]) >= 1
            sender.send_some(server.client.url, 6)
            assert ask(server, "GET", "/readyz").status == 503
        finally:
            for directory in directories:
                directory.chmod(0o700)
        assert str(data) in server.log.read_text()
        assert rejected(export(server, an_export(large))) == (0, "")
        refusals = sender.statuses[503]
        sender.send_some(server.client.url, 3)
        assert sender.statuses[503] == refusals
        server.kill()
    with serving(data) as server:
        assert check(server.client, sender) == len(sender.acknowledged) + 1
    assert "Traceback" not in server.log.read_text()


# -- the spool in the place of the store ---------------------------------------------------------


def test_with_the_disk_of_the_store_full_the_spool_keeps_spans_and_replays_each_once(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    senders = [Sender(otlp_messages(1)), Sender(langfuse_messages(2)), Sender(otlp_messages(3))]
    with ExitStack() as mounted:
        store = mounted.enter_context(small_disk(data, mib=24))
        mounted.enter_context(small_disk(data / "spool", mib=24))
        with serving(data) as server:
            for sender in senders:
                sender.send_some(server.client.url, 2)
            store.fill(server.process.pid)
            for sender in senders:
                sender.send_some(server.client.url, 20)
            assert sum(sender.statuses[200] + sender.statuses[207] for sender in senders) > 20
            assert "go into the spool" in server.log.read_text()
            assert list((data / "spool").glob("*.spool")), "the spool is empty"
            server.kill()
        store.clear(0)
        store.fill(0)
        # Killed again and again while it replays, once with the store still full.
        for after_s in (0.2, 0.0, 0.05):
            with serving(data) as server:
                threading.Event().wait(after_s)
                server.kill()
            store.clear(0)
        with serving(data) as server:
            senders[0].send_some(server.client.url, 3)
            check(server.client, *senders)
            assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()
