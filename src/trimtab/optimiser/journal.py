"""The journal of a job: every call before it is made, and every reply as soon as it is there.

The first line says which job it is. A call that has no reply was made all the same, and is counted
as the dearest it could be. Lines are as durable as those of the journal of a run.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest, NotDurable
from trimtab.experiments.journal import SUFFIX, Journal
from trimtab.kit import jsonx
from trimtab.optimiser.caps import Taken
from trimtab.optimiser.job import Job
from trimtab.optimiser.result import Found
from trimtab.ports import ChatReply

_JOB = b'{"job":'
_NOTHING = Decimal(0)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is about to be made."""

    key: str
    worst_usd: Decimal | None = None


class Replied(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, and how long the job had been at work by then."""

    key: str
    reply: ChatReply
    worst_usd: Decimal | None = None
    seconds: float = 0.0


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The test split was opened: which rows, for which candidate of which prompt."""

    rows: str
    candidate: str
    prompt: str


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    asked: Asked | None = None
    replied: Replied | None = None
    opened: Opened | None = None
    found: Found | None = None


class Contents(msgspec.Struct, kw_only=True):
    """What a journal holds: replies by key, what was taken so far, and what came of it."""

    job: Job
    replies: dict[str, Replied] = {}
    taken: Taken = Taken()
    opened: Opened | None = None
    found: Found | None = None
    whole_bytes: int = 0


class JobJournal(Journal):
    """An open journal of a job; only this process writes it."""

    @classmethod
    def new(cls, path: Path, job: Job) -> JobJournal:
        """A new journal. Raises Conflict where another process is at the job."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise NotDurable(
                f"the folder cannot be made: {error.strerror}",
                where=str(path.parent),
                fix="name another data directory with --data",
            ) from None
        journal = cls(path, at_bytes=0)
        journal._write(_JOB + jsonx.encode(job) + b"}\n")
        return journal

    @classmethod
    def again(cls, path: Path) -> tuple[JobJournal, Contents]:
        """Carry on with a journal; a last line that was cut off is cut away."""
        contents = contents_of(path)
        return cls(path, at_bytes=contents.whole_bytes), contents

    def asks(self, asked: Asked) -> None:
        """Keep that a call is about to be made."""
        self._keep("asked", asked)

    def replies(self, replied: Replied) -> None:
        """Keep a reply."""
        self._keep("replied", replied)

    def opens(self, opened: Opened) -> None:
        """Keep on disk that the test split is opened, before any of its rows is looked at."""
        self._keep("opened", opened)
        self.sync()

    def finds(self, found: Found) -> None:
        """Keep what came of the job."""
        self._keep("found", found)
        self.sync()

    def _keep(self, name: str, value: Any) -> None:
        self._write(b'{"%s":%s}\n' % (name.encode(), jsonx.encode(value)))


def cost_of(reply: ChatReply) -> Decimal | None:
    """What a reply cost; nothing where it was refused, None where nobody knows."""
    refused = reply.error is not None and 400 <= reply.status < 500
    return _NOTHING if reply.cost_usd is None and refused else reply.cost_usd


def path_of(folder: Path, job: Job) -> Path:
    """Where the journal of a job is."""
    return folder / job.id / f"job{SUFFIX}"


def contents_of(path: Path) -> Contents:
    """What is in a journal, whether or not somebody writes it.

    Raises:
        InvalidRequest: not a journal of a job.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _no_journal(path, error.strerror or "unreadable") from None
    end = data.rfind(b"\n") + 1
    lines = data[:end].splitlines()
    if not lines or not lines[0].startswith(_JOB):
        raise _no_journal(path, "its first line names no job")
    job = jsonx.decode(lines[0][len(_JOB) : -1], Job, what=f"line 1 of {path.name}")
    contents = Contents(job=job, replies={}, whole_bytes=end)
    _read(lines[1:], contents)
    return contents


def _read(lines: list[bytes], contents: Contents) -> None:
    decode = msgspec.json.Decoder(_Line).decode
    calls, unpriced, usd, seconds = 0, 0, _NOTHING, 0.0
    open_: list[Asked] = []
    for line in lines:
        try:
            one = decode(line)
        except (msgspec.DecodeError, RecursionError):
            continue
        if one.asked is not None:
            calls += 1
            open_.append(one.asked)
        elif one.replied is not None:
            replied = one.replied
            cost = cost_of(replied.reply)
            open_ = _without(open_, replied.key)
            unpriced += cost is None and replied.worst_usd is None
            usd += cost if cost is not None else replied.worst_usd or _NOTHING
            seconds = max(seconds, replied.seconds)
            if replied.reply.error is None:
                contents.replies[replied.key] = replied
        contents.opened = one.opened or contents.opened
        contents.found = one.found or contents.found
    unpriced += sum(asked.worst_usd is None for asked in open_)
    usd += sum((asked.worst_usd or _NOTHING for asked in open_), _NOTHING)
    if contents.found is not None:
        seconds = max(seconds, contents.found.taken.seconds)
    contents.taken = Taken(calls=calls, usd=usd, unpriced=unpriced, seconds=seconds)


def _without(open_: list[Asked], key: str) -> list[Asked]:
    """The calls without the first of a key, which has its reply now."""
    at = next((at for at, asked in enumerate(open_) if asked.key == key), None)
    return open_ if at is None else open_[:at] + open_[at + 1 :]


def _no_journal(path: Path, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"this is not the journal of a job: {why}",
        where=str(path),
        fix="delete its folder and run the job anew",
    )
