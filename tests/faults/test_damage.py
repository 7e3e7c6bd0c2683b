"""Files that lost bytes or had them changed: the rest is readable, and the damage has a name."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.api.otlp import NOW_NS, a_span, an_export
from tests.faults.asking import ask, export, rejected
from tests.faults.senders import Sender, check, otlp_messages
from tests.processes import serving

from trimtab.kit import jsonx
from trimtab.records import Span
from trimtab.tracing.spool import Spool

pytestmark = pytest.mark.slow

Harm = Callable[[Path], None]


def cut(path: Path, share: float = 0.5) -> None:
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))


def flip(path: Path, at: float = 0.5) -> None:
    """Change one bit in the middle, or elsewhere: 0 is the first byte, 1 behind the last."""
    body = bytearray(path.read_bytes())
    body[int(len(body) * at)] ^= 0x04
    path.write_bytes(body)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"garbage " * 100)


# -- the spool -----------------------------------------------------------------------------------

SPOOLED = 40


def spooled(number: int) -> Span:
    return Span(
        trace_id=f"{7:032x}",
        span_id=f"{number + 1:016x}",
        name=f"spooled {number}",
        start_ns=NOW_NS + number,
        end_ns=NOW_NS + number + 1,
        input=f"what span {number} was asked " * 20,
    )


def fill_spool(data: Path) -> Path:
    """A spool as a killed server leaves it; the file it is in."""

    async def fill() -> None:
        spool = Spool.open(data / "spool")
        for number in range(SPOOLED):
            await spool.append([jsonx.encode(spooled(number))])
        spool.close()

    asyncio.run(fill())
    [segment] = (data / "spool").glob("*.spool")
    return segment


# What is done to the spool, how many spans may be lost, and what the log must say.
SPOOL_HARM: dict[str, tuple[Harm, int, str]] = {
    "nothing": (lambda _: None, 0, ""),
    "the last bytes are gone": (lambda path: cut(path, 0.99), 1, "cut off"),
    "half of it is gone": (cut, SPOOLED // 2 + 1, "cut off"),
    "garbage at the end": (grow, 0, "cut off 800 bytes"),
    "a bit in the last frame": (lambda path: flip(path, 0.999), 1, "cut off"),
    "a bit in the middle": (flip, 1, "skipped 1 damaged"),
    "a bit in the header": (lambda path: flip(path, 0), 0, ""),
}


@pytest.mark.parametrize("harm", SPOOL_HARM)
def test_a_damaged_spool_costs_the_damaged_frames_and_the_log_counts_them(
    tmp_path: Path, harm: str
) -> None:
    do, most_lost, said = SPOOL_HARM[harm]
    data = tmp_path / "data"
    data.mkdir()
    do(fill_spool(data))
    with serving(data) as server:
        found = {span["name"]: span for span in server.client.each("/api/v1/spans")}
        assert SPOOLED - most_lost <= len(found) <= SPOOLED
        for number in range(SPOOLED):
            if (span := found.get(f"spooled {number}")) is not None:
                assert span["input"] == spooled(number).input
        assert rejected(export(server, an_export(a_span()))) == (0, "")
        assert server.client.get("/readyz")["status"] == "ready"
        assert server.stop() == 0
    log = (tmp_path / "serve.log").read_text()
    assert said in log
    assert "Traceback" not in log


# -- packs and blobs -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sender]:
    """A data directory with some packs and blobs, of a server that was killed; do not change it."""
    data = tmp_path_factory.mktemp("recorded") / "data"
    sender = Sender(otlp_messages(1, spans=50))
    with serving(data) as server:
        sender.send_some(server.client.url, 6)
        server.kill()
    return data, sender


def the_pack_file(data: Path) -> Path:
    [path] = (data / "telemetry.packs").glob("*.packs")
    return path


def a_blob(data: Path) -> Path:
    return min((data / "blobs").rglob("*.zst"))


PAYLOAD_HARM: dict[str, tuple[Callable[[Path], Path], Harm, str]] = {
    "packs cut off": (the_pack_file, cut, "payloads of"),
    "packs gone": (the_pack_file, Path.unlink, "payloads of 300 spans are lost"),
    "packs emptied": (the_pack_file, lambda path: cut(path, 0), "payloads of 300 spans are lost"),
    "a bit in a pack": (the_pack_file, lambda path: flip(path, 0.45), "damaged"),
    "garbage behind the packs": (the_pack_file, grow, ""),
    "a blob gone": (a_blob, Path.unlink, ""),
    "a blob cut off": (a_blob, cut, ""),
    "a bit in a blob": (a_blob, flip, ""),
}


@pytest.mark.parametrize("harm", PAYLOAD_HARM)
def test_damaged_payloads_cost_themselves_and_nothing_else(
    tmp_path: Path, recorded: tuple[Path, Sender], harm: str
) -> None:
    template, sender = recorded
    data = copied(template, tmp_path / "data")
    target, do, said = PAYLOAD_HARM[harm]
    harmed = target(data)
    do(harmed)
    with serving(data) as server:
        spans = list(server.client.each("/api/v1/spans"))
        assert len(spans) == len(sender.acknowledged) == 300
        whole = damaged = 0
        for span in spans:
            expected = sender.acknowledged[span["trace_id"], span["span_id"]]
            assert span["name"] == expected["name"]
            if "trimtab.damaged" in span["attributes"]:
                damaged += 1
            else:
                assert span["attributes"]["said"] == expected["attributes.said"]
                whole += 1
        assert (damaged > 0) == (harm != "garbage behind the packs")
        assert whole > 0 or harm in ("packs gone", "packs emptied")
        assert len(server.client.traces(limit=1000)) == 75
        server.client.spans("text:anything")
        for span in spans[:60:7]:
            path = f"/api/v1/traces/{span['trace_id']}/spans/{span['span_id']}"
            status = ask(server, "GET", path).status
            assert status == (503 if "trimtab.damaged" in span["attributes"] else 200)
        # Life goes on: new spans are kept, old ones can be erased, the rest compacted.
        later = Sender(otlp_messages(2, session="later"))
        later.send_some(server.client.url, 3)
        assert later.statuses == {200: 3}
        log = server.log.read_text()
        assert said in log
        assert harmed.stem in log or not damaged
        server.client.post("/api/v1/admin/compact")
        erased = server.client.post("/api/v1/erase", {"sessions": ["s"]})
        assert (erased["spans"], erased["remaining"]) == (300, 0)
        assert check(server.client, later) == len(later.acknowledged)
        assert server.stop() == 0
    with serving(data) as server:
        assert check(server.client, later) == len(later.acknowledged)
    assert "Traceback" not in (tmp_path / "serve.log").read_text()


def copied(template: Path, data: Path) -> Path:
    return Path(shutil.copytree(template, data))


def test_many_small_packs_of_which_one_is_damaged_are_still_gathered(tmp_path: Path) -> None:
    data = tmp_path / "data"
    program = (str(Path(__file__).with_name("dying_serve.py")), "gather", f"trace:{tmp_path}/trace")
    sender, later = Sender(otlp_messages(1, spans=2)), Sender(otlp_messages(2, spans=2))
    with serving(data) as server:
        sender.send_some(server.client.url, 3)
        server.kill()
    flip(the_pack_file(data))
    with serving(data, program=program) as server:
        later.send_some(server.client.url, 12)
        assert later.statuses == {200: 12}
        assert check(server.client, later) == len(later.acknowledged) + 6
        assert server.stop() == 0
    assert (tmp_path / "trace").exists(), "nothing was gathered"
    assert "Traceback" not in (tmp_path / "serve.log").read_text()


# -- the database --------------------------------------------------------------------------------

# What is done to which file, and whether a server starts on what is left.
DATABASE_HARM: dict[str, tuple[str, Harm, bool]] = {
    "a log without its end": ("telemetry.duckdb.wal", lambda path: cut(path, 0.9), True),
    "a log with garbage behind": ("telemetry.duckdb.wal", grow, True),
    "an emptied log": ("telemetry.duckdb.wal", lambda path: cut(path, 0), True),
    "a log with a changed bit": ("telemetry.duckdb.wal", lambda path: flip(path, 0.9), False),
    "a database without its end": ("telemetry.duckdb", cut, False),
    "a database with a changed header": ("telemetry.duckdb", lambda path: flip(path, 0), False),
}


@pytest.mark.parametrize("harm", DATABASE_HARM)
def test_a_damaged_database_is_served_as_far_as_it_goes_or_named_and_left_alone(
    tmp_path: Path, recorded: tuple[Path, Sender], harm: str
) -> None:
    data = copied(recorded[0], tmp_path / "data")
    name, do, starts = DATABASE_HARM[harm]
    do(data / name)
    if starts:
        with serving(data) as server:
            assert len(list(server.client.each("/api/v1/spans"))) <= 300
            assert rejected(export(server, an_export(a_span()))) == (0, "")
            assert server.stop() == 0
        return
    before = (data / name).read_bytes()
    refused = subprocess.run(
        [sys.executable, "-m", "trimtab", "serve", "--data", str(data), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 4
    assert "the telemetry store cannot be opened" in refused.stderr
    assert str(data / "telemetry.duckdb") in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (data / name).read_bytes() == before
