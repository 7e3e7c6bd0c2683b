"""The spool keeps what it acknowledged, whatever happens to the process, the disk or the bytes."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import accumulate, islice, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import NotDurable, StoreLocked, StoreTooNew
from trimtab.tracing.spool import Backlog, Spool

HERE = Path(__file__).parent
PAYLOADS = st.lists(st.binary(max_size=300), max_size=12)


def append(spool: Spool, *payloads: bytes) -> None:
    async def one_group() -> None:
        await spool.append(payloads)

    asyncio.run(one_group())


def contents(directory: Path) -> list[bytes]:
    with closing(Spool.open(directory)) as spool:
        return [frame.payload for frame in spool.read()]


@contextmanager
def directory() -> Iterator[Path]:
    """A fresh directory for one example of a property."""
    with TemporaryDirectory() as path:
        yield Path(path)


def segment_files(path: Path) -> list[Path]:
    return sorted(path.glob("*.spool"))


# -- order, replay, commit -----------------------------------------------------------------------


@given(groups=st.lists(PAYLOADS, max_size=6), segment_bytes=st.integers(1, 800))
@settings(max_examples=15, deadline=None)
def test_what_was_appended_comes_back_in_order_after_reopening(groups, segment_bytes):
    with directory() as path:
        for group in groups:
            with closing(Spool.open(path, segment_bytes=segment_bytes)) as spool:
                append(spool, *group)
        assert contents(path) == [payload for group in groups for payload in group]


@given(payloads=st.lists(st.binary(max_size=50), min_size=1), data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_commit_forgets_exactly_what_came_before_it(payloads, data):
    committed = data.draw(st.integers(1, len(payloads)))
    with directory() as path:
        with closing(Spool.open(path, segment_bytes=64)) as spool:
            for payload in payloads:
                append(spool, payload)
            spool.commit(list(spool.read())[committed - 1].position)
            rest = [frame.payload for frame in spool.read()]
            assert rest == payloads[committed:]
            assert spool.backlog.frames == len(rest)
        assert contents(path) == rest


def test_a_reader_may_start_after_a_position_of_its_own(tmp_path):
    with closing(Spool.open(tmp_path)) as spool:
        append(spool, b"one", b"two", b"three")
        first = next(spool.read())
        assert [frame.payload for frame in spool.read(after=first.position)] == [b"two", b"three"]


def test_append_returns_the_position_that_commits_it(tmp_path):
    async def scenario(spool: Spool) -> None:
        ends = await asyncio.gather(*(spool.append([b"a%d" % n, b"b%d" % n]) for n in range(5)))
        spool.commit(ends[2])

    with closing(Spool.open(tmp_path)) as spool:
        asyncio.run(scenario(spool))
        assert [frame.payload for frame in spool.read()] == [b"a3", b"b3", b"a4", b"b4"]


def test_committing_an_earlier_position_again_changes_nothing(tmp_path):
    with closing(Spool.open(tmp_path)) as spool:
        append(spool, b"one", b"two", b"three")
        first, second = (frame.position for frame in islice(spool.read(), 2))
        spool.commit(second)
        spool.commit(first)
        assert [frame.payload for frame in spool.read()] == [b"three"]


def test_finished_segments_are_deleted_once_they_are_committed(tmp_path):
    with closing(Spool.open(tmp_path, segment_bytes=100)) as spool:
        for number in range(10):
            append(spool, b"%d" % number * 120)
        assert len(segment_files(tmp_path)) == 10
        spool.commit(list(spool.read())[6].position)
        assert len(segment_files(tmp_path)) == 3


def test_a_spool_with_nothing_left_to_deliver_leaves_no_segment_behind(tmp_path):
    with closing(Spool.open(tmp_path)) as spool:
        append(spool, b"one", b"two")
        spool.commit(list(spool.read())[-1].position)
    assert contents(tmp_path) == []
    assert segment_files(tmp_path) == []


def test_the_backlog_counts_what_is_not_committed(tmp_path):
    with closing(Spool.open(tmp_path, segment_bytes=100)) as spool:
        assert spool.backlog == Backlog(0, 0)
        for _ in range(5):
            append(spool, b"x" * 84)
        assert spool.backlog == Backlog(5, 500)
        spool.commit(list(spool.read())[1].position)
        assert spool.backlog == Backlog(3, 300)
    with closing(Spool.open(tmp_path)) as spool:
        assert spool.backlog == Backlog(3, 300)


# -- damage --------------------------------------------------------------------------------------


@given(payloads=st.lists(st.binary(max_size=60), min_size=1, max_size=8), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_torn_end_costs_only_the_frames_it_tore(payloads, data):
    with directory() as path:
        with closing(Spool.open(path)) as spool:
            append(spool, *payloads)
        ends = list(accumulate((16 + len(payload) for payload in payloads), initial=16))[1:]
        cut = data.draw(st.integers(0, ends[-1]))
        junk = data.draw(st.sampled_from([b"", b"\0" * 40, b"\xffTF\x01 half a header"]))
        file = segment_files(path)[0]
        written = file.read_bytes()
        torn = written[:cut] + junk
        file.write_bytes(torn)
        # Junk may begin with the very bytes that were cut off.
        kept = sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(written, torn, strict=False))
        )
        whole = [payload for payload, end in zip(payloads, ends, strict=True) if end <= kept]
        with closing(Spool.open(path)) as spool:
            assert [frame.payload for frame in spool.read()] == whole
            append(spool, b"later")
        assert contents(path) == [*whole, b"later"]


@given(
    texts=st.lists(st.text(max_size=60), min_size=3, max_size=8),
    place=st.floats(0, 1, exclude_max=True),
    flip=st.integers(1, 255),
)
@settings(max_examples=40, deadline=None)
def test_a_damaged_byte_costs_one_frame_and_is_counted(texts, place, flip):
    payloads = [text.encode() for text in texts]
    with directory() as path:
        with closing(Spool.open(path, segment_bytes=1)) as spool:
            append(spool, *payloads)
            append(spool, b"in a segment of its own")
        file = segment_files(path)[0]
        raw = bytearray(file.read_bytes())
        at = 16 + int(place * (len(raw) - 16))
        raw[at] ^= flip
        file.write_bytes(raw)
        ends = list(accumulate((16 + len(payload) for payload in payloads), initial=16))[1:]
        hit = bisect_right(ends, at)
        with closing(Spool.open(path)) as spool:
            assert [frame.payload for frame in spool.read()] == [
                *payloads[:hit],
                *payloads[hit + 1 :],
                b"in a segment of its own",
            ]
            assert spool.skipped == 1


def test_zeros_written_ahead_are_no_damage_and_go_when_the_segment_ends(tmp_path):
    with closing(Spool.open(tmp_path, segment_bytes=1)) as spool:
        append(spool, b"one")
        [file] = segment_files(tmp_path)
        ahead = file.read_bytes()
        append(spool, b"two")  # in a segment of its own
        left = ahead.rstrip(b"\0")
        assert len(ahead) > len(left)
        assert file.read_bytes() == left
    file.write_bytes(ahead)  # as after a crash of the machine
    with closing(Spool.open(tmp_path)) as spool:
        assert [frame.payload for frame in spool.read()] == [b"one", b"two"]
        assert spool.skipped == 0


def test_a_damaged_checkpoint_delivers_everything_again(tmp_path):
    with closing(Spool.open(tmp_path)) as spool:
        append(spool, b"one", b"two")
        spool.commit(next(spool.read()).position)
    (tmp_path / "checkpoint").write_bytes(b"")
    assert contents(tmp_path) == [b"one", b"two"]


def test_a_spool_of_a_newer_format_is_refused(tmp_path):
    (tmp_path / "0000000001.spool").write_bytes(b"trimtab spool 2\n")
    with pytest.raises(StoreTooNew) as caught:
        Spool.open(tmp_path)
    assert caught.value.fields == {"found": 2, "supported": 1}


# -- limits --------------------------------------------------------------------------------------


def test_a_full_backlog_refuses_appends_until_something_is_committed(tmp_path):
    with closing(Spool.open(tmp_path, max_backlog_bytes=300)) as spool:
        append(spool, b"x" * 184)
        with pytest.raises(NotDurable, match="bring the telemetry store back") as caught:
            append(spool, b"y" * 184)
        assert caught.value.fields == {"backlog_bytes": 200, "limit_bytes": 300}
        spool.commit(next(spool.read()).position)
        append(spool, b"z" * 184)
        assert [frame.payload[:1] for frame in spool.read()] == [b"z"]


def test_a_full_disk_refuses_appends_and_keeps_the_rest(tmp_path):
    child = subprocess.run(
        [sys.executable, HERE / "spool_full_disk.py", tmp_path],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    said = json.loads(child.stdout)
    assert "nothing-fits" in said["refused"]
    assert all(str(tmp_path) in why and "free space" in why for why in said["refused"].values())
    assert any(name.startswith("group") for name in said["refused"])
    assert said["kept"][-1] == "after"
    names = [payload.split()[0].decode() for payload in contents(tmp_path)]
    assert names == said["kept"]


def test_a_second_spool_on_the_directory_is_told_who_holds_it(tmp_path):
    with closing(Spool.open(tmp_path)):
        with pytest.raises(StoreLocked) as caught:
            Spool.open(tmp_path)
        assert caught.value.fields["pid"] == os.getpid()
    assert contents(tmp_path) == []


def test_a_closed_spool_refuses_appends(tmp_path):
    spool = Spool.open(tmp_path)
    spool.close()
    with pytest.raises(NotDurable, match="closed"):
        append(spool, b"late")


def test_a_cancelled_caller_does_not_take_its_payload_back(tmp_path):
    async def scenario(spool: Spool) -> None:
        impatient = asyncio.create_task(spool.append([b"cancelled"]))
        patient = asyncio.create_task(spool.append([b"kept"]))
        await asyncio.sleep(0)
        impatient.cancel()
        await patient
        with pytest.raises(asyncio.CancelledError):
            await impatient

    with closing(Spool.open(tmp_path)) as spool:
        asyncio.run(scenario(spool))
        assert [frame.payload for frame in spool.read()] == [b"cancelled", b"kept"]


# -- crashes -------------------------------------------------------------------------------------


def test_killing_the_process_at_any_moment_loses_nothing_acknowledged(tmp_path):
    chance = random.Random(5)
    acknowledged: list[str] = []
    delivered: set[str] = set()
    for round_number in range(6):
        child = subprocess.Popen(
            [sys.executable, HERE / "spool_process.py", tmp_path, str(round_number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = iter(child.stdout.readline, "")
        said = [next(lines)]
        for _ in range(chance.randrange(10, 120)):
            said.append(next(lines))
            while said[-1][0] != "+":
                said.append(next(lines))
        child.kill()
        said += lines
        child.wait()
        child.stdout.close()
        whole = [line.strip() for line in said if line.endswith("\n")]
        acknowledged += [line[1:] for line in whole if line[0] == "+"]
        delivered |= {line[1:] for line in whole if line[0] == "-"}
    left = [payload.split()[0].decode() for payload in contents(tmp_path)]
    assert len(acknowledged) > 50
    assert len(left) == len(set(left))
    assert set(acknowledged) <= delivered | set(left)
