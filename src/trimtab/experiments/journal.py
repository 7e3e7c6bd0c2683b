"""The journal of a run: a file that has each result as soon as there is one.

The first line says which run it is; every other line is an answer (paid for, not yet judged) or a
result (answered and judged). A line is with the operating system when `answered` or `finished`
returns, so that a killed process loses nothing, and on disk 0.2 s or 200 lines later, so that a
machine that loses power loses no more than that.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from trimtab.errors import Conflict, InvalidRequest, NotDurable
from trimtab.kit import jsonx
from trimtab.kit.lockfile import LockFile, LockHeld
from trimtab.records import Result, Run

SUFFIX = ".journal"
_RUN, _ANSWER, _RESULT, _END = b'{"run":', b'{"answer":', b'{"result":', b"}\n"
_SYNC_S = 0.2
_SYNC_LINES = 200
Key = tuple[str, int]


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal holds: results, and the answers that were not judged yet.

    `whole_bytes` is where the last whole line ends; `damaged` counts lines that cannot be read.
    """

    run: Run
    results: dict[Key, Result]
    answers: dict[Key, Result]
    whole_bytes: int
    damaged: int = 0


class Journal:
    """An open journal; only this process writes it. Make one with `begin` or `reopen`.

    Raises:
        Conflict: another process is at this run.
        NotDurable: the file cannot be written.
    """

    waits = False

    def __init__(self, path: Path, *, at_bytes: int) -> None:
        self.path = path
        self._lock = _locked(path)
        self._file = -1
        try:
            with _durably(path):
                self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
                os.ftruncate(self._file, at_bytes)
                os.lseek(self._file, at_bytes, os.SEEK_SET)
        except NotDurable:
            self._lock.release()
            raise
        self._unsynced = 0
        self._wake = threading.Event()
        self._closing = False
        self._fault: OSError | None = None
        self._syncing = threading.Thread(target=self._sync_often, name="journal", daemon=True)
        self._syncing.start()

    @classmethod
    def begin(cls, folder: Path, run: Run) -> Journal:
        """A new journal in a folder, named after the run."""
        with _durably(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        journal = cls(folder / f"{run.run_id}{SUFFIX}", at_bytes=0)
        journal._write(_RUN + jsonx.encode(run) + b"}\n")
        return journal

    @classmethod
    def reopen(cls, path: Path) -> tuple[Journal, Contents]:
        """Carry on with a journal; a last line that was cut off is cut away.

        Raises:
            InvalidRequest: not a journal.
        """
        contents = read(path)
        return cls(path, at_bytes=contents.whole_bytes), contents

    def answered(self, result: Result) -> None:
        """Keep an answer that is still to be judged."""
        self._write(_ANSWER + jsonx.encode(result) + b"}\n")

    def finished(self, result: Result) -> None:
        """Keep a result."""
        self._write(_RESULT + jsonx.encode(result) + b"}\n")

    async def settled(self, result: Result) -> None:
        """Nothing is waited for: a line is with the operating system when it is written."""

    def sync(self) -> None:
        """Return when everything that was written is on disk."""
        with _durably(self.path):
            os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file, with everything on disk; closing again does nothing."""
        if self._file < 0:
            return
        self._closing = True
        self._wake.set()
        self._syncing.join()
        try:
            self.sync()
        finally:
            os.close(self._file)
            self._file = -1
            self._lock.release()

    def remove(self) -> None:
        """Close, and delete what is no longer needed."""
        self.close()
        self.path.unlink(missing_ok=True)
        _lock_path(self.path).unlink(missing_ok=True)

    def _write(self, line: bytes) -> None:
        with _durably(self.path):
            if self._fault is not None:
                raise self._fault
            written = os.write(self._file, line)
            while written < len(line):
                written += os.write(self._file, line[written:])
        self._unsynced += 1
        if self._unsynced >= _SYNC_LINES:
            self._wake.set()

    def _sync_often(self) -> None:
        while not self._closing:
            self._wake.wait(_SYNC_S)
            self._wake.clear()
            if not self._unsynced:
                continue
            self._unsynced = 0
            try:
                os.fsync(self._file)
            except OSError as error:
                self._fault = error  # the next write says so
                return


def read(path: Path) -> Contents:
    """What is in a journal, whether or not somebody writes it; 200,000 results in a second.

    Of two lines about one case the later counts; a last line without its end is left out.

    Raises:
        InvalidRequest: not a journal.
    """
    try:
        with path.open("rb") as file, _without_collection():
            return _read(file, path)
    except OSError as error:
        raise _not_a_journal(path, error.strerror or "unreadable") from None


def head(path: Path) -> Run | None:
    """The run a journal is of, without reading further; None where that cannot be read."""
    with suppress(OSError, InvalidRequest), path.open("rb") as file:
        line = file.readline()
        if line.startswith(_RUN) and line.endswith(_END):
            return jsonx.decode(line[len(_RUN) : -len(_END)], Run)
    return None


def _read(lines: Iterator[bytes], path: Path) -> Contents:
    """Sort the lines after the first into results and answers; counts those that it cannot read."""
    line = next(lines, b"")
    if not line.startswith(_RUN) or not line.endswith(_END):
        raise _not_a_journal(path, "its first line names no run")
    run = jsonx.decode(line[len(_RUN) : -len(_END)], Run, what=f"line 1 of {path.name}")
    decode = msgspec.json.Decoder(Result).decode
    results: dict[Key, Result] = {}
    answers: dict[Key, Result] = {}
    whole_bytes, damaged = len(line), 0
    for line in lines:
        if not line.endswith(b"\n"):
            break
        whole_bytes += len(line)
        try:
            if line.startswith(_RESULT):
                result = decode(line[len(_RESULT) : -len(_END)])
                results[result.example_id, result.repeat] = result
            elif line.startswith(_ANSWER):
                result = decode(line[len(_ANSWER) : -len(_END)])
                results.pop(result.key, None)
                answers[result.example_id, result.repeat] = result
            else:
                damaged += 1
        except (msgspec.DecodeError, RecursionError):
            damaged += 1
    for key in answers.keys() & results.keys():
        del answers[key]
    return Contents(
        run=run, results=results, answers=answers, whole_bytes=whole_bytes, damaged=damaged
    )


@contextmanager
def _without_collection() -> Iterator[None]:
    """Hundreds of thousands of records are made at once, none of them garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _durably(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotDurable(
            f"results cannot be written: {error.strerror or error}",
            where=str(path),
            fix="make room there or name another data directory, then run it again with --resume",
        ) from None


def _locked(path: Path) -> LockFile:
    try:
        with _durably(path):
            return LockFile(_lock_path(path))
    except LockHeld as held:
        raise Conflict(
            f"{held} is at this run now", where=str(path), fix="wait for it to end, or stop it"
        ) from None


def _lock_path(path: Path) -> Path:
    return path.with_suffix(".lock")


def _not_a_journal(path: Path, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"this is not the journal of a run: {why}", where=str(path), fix="run the suite anew"
    )
