"""One server per data directory, with real processes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from trimtab.errors import ConfigError, StoreLocked
from trimtab.kit.datadir import LOCK_NAME, acquire, running_server
from trimtab.version import __version__

URL = "http://127.0.0.1:8321"
HOLDER = """
import sys
from pathlib import Path
from trimtab.errors import StoreLocked
from trimtab.kit.datadir import acquire
sys.stdin.readline()
try:
    lock = acquire(Path(sys.argv[1]), url=sys.argv[2])
except StoreLocked as error:
    print("refused", error.fields["pid"], error.fields["url"], flush=True)
else:
    print("held", flush=True)
    sys.stdin.readline()
"""


class Holder:
    """Another process that takes the directory when told to, and keeps it until it is ended."""

    def __init__(self, directory: Path, url: str = URL) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(directory), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def holders(directory: Path, count: int) -> Iterator[list[Holder]]:
    started = [Holder(directory, f"http://127.0.0.1:{port}") for port in range(1, count + 1)]
    try:
        yield started
    finally:
        for one in started:
            one.kill()
            for pipe in (one.process.stdin, one.process.stdout):
                assert pipe is not None
                with suppress(BrokenPipeError):
                    pipe.close()


def test_a_directory_is_created_for_its_owner_alone(tmp_path):
    data = tmp_path / "a" / "data"
    old = os.umask(0)
    try:
        acquire(data, url=URL).release()
    finally:
        os.umask(old)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / LOCK_NAME).stat().st_mode) == 0o600


def test_the_permissions_of_an_existing_directory_are_left_alone(tmp_path):
    tmp_path.chmod(0o750)
    acquire(tmp_path, url=URL).release()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_a_held_directory_says_who_holds_it_and_a_released_one_nobody(tmp_path):
    with acquire(tmp_path, url=URL) as lock:
        server = running_server(tmp_path)
        assert server == lock.info
        assert server is not None
        assert (server.pid, server.url, server.version) == (os.getpid(), URL, __version__)
    assert running_server(tmp_path) is None
    lock.release()
    acquire(tmp_path, url=URL).release()


def test_asking_who_holds_a_directory_creates_nothing(tmp_path):
    assert running_server(tmp_path) is None
    assert running_server(tmp_path / "absent") is None
    assert list(tmp_path.iterdir()) == []


def test_a_second_holder_is_refused_and_told_about_the_first(tmp_path):
    with holders(tmp_path, 1) as [first]:
        first.go()
        assert first.answer() == "held"
        with pytest.raises(StoreLocked) as caught:
            acquire(tmp_path, url=URL)
        assert caught.value.fields["pid"] == first.process.pid
        assert caught.value.fields["url"] == "http://127.0.0.1:1"
        assert str(first.process.pid) in caught.value.what


def test_a_second_lock_in_one_process_is_refused_too(tmp_path):
    with acquire(tmp_path, url=URL), pytest.raises(StoreLocked) as caught:
        acquire(tmp_path, url=URL)
    assert caught.value.fields["pid"] == os.getpid()


def test_of_processes_that_race_exactly_one_wins_and_the_others_name_it(tmp_path):
    with holders(tmp_path, 5) as racers:
        for one in racers:
            one.go()
        answers = [one.answer() for one in racers]
        assert answers.count("held") == 1
        winner = answers.index("held")
        refusal = f"refused {racers[winner].process.pid} http://127.0.0.1:{winner + 1}"
        assert answers.count(refusal) == 4


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    with holders(tmp_path, 1) as [first]:
        first.go()
        assert first.answer() == "held"
        first.kill()
    assert (tmp_path / LOCK_NAME).read_bytes() != b""
    assert running_server(tmp_path) is None
    with acquire(tmp_path, url=URL) as lock:
        assert lock.info.pid == os.getpid()


def test_asking_all_the_time_never_keeps_a_server_from_starting(tmp_path):
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            running_server(tmp_path)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for one in askers:
        one.start()
    try:
        for _ in range(100):
            acquire(tmp_path, url=URL).release()
    finally:
        stop.set()
        for one in askers:
            one.join()


def test_a_lock_file_full_of_nonsense_is_no_obstacle(tmp_path):
    (tmp_path / LOCK_NAME).write_bytes(b"\x00\xff nonsense" * 100)
    assert running_server(tmp_path) is None
    with acquire(tmp_path, url=URL) as lock:
        assert running_server(tmp_path) == lock.info


def test_a_holder_that_does_not_say_who_it_is_is_still_respected(tmp_path):
    with acquire(tmp_path, url=URL):
        (tmp_path / LOCK_NAME).write_bytes(b"")
        with pytest.raises(StoreLocked) as caught:
            acquire(tmp_path, url=URL)
        assert caught.value.fields["pid"] is None
        with pytest.raises(StoreLocked):
            running_server(tmp_path)


def test_a_path_that_cannot_be_a_directory_is_a_configuration_error(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "data", Path("a\0b")):
        with pytest.raises(ConfigError) as caught:
            acquire(path, url=URL)
        assert caught.value.fields["key"] == "data"
    with pytest.raises(ConfigError):
        running_server(tmp_path / "file")
