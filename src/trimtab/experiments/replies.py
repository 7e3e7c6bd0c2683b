"""Kept replies: what models and tasks answered, by the digest of what they were asked.

A question goes in, the reply that is kept for it comes out, so that a run that is repeated costs
nothing. One SQLite file (standard library, write-ahead log), used by one event loop at a time and
by several processes at once. A reply that was an error is never kept.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Literal, TypeVar

import msgspec

from trimtab.errors import StoreError
from trimtab.kit import jsonx
from trimtab.kit.hashing import digest
from trimtab.ports import Chat, ChatReply, Response

Mode = Literal["readwrite", "readonly", "off"]
MODES: tuple[Mode, ...] = ("readwrite", "readonly", "off")
ABSENT = "there is no kept reply to this, and only kept ones may be used"
T = TypeVar("T")
_BUSY_S = 30.0


class Replies:
    """A file of kept replies.

    Args:
        path: the file; None keeps nothing on disk.
        mode: "readwrite" uses and adds, "readonly" only uses (what is absent is an error of its
            case), "off" does neither.
    Raises:
        StoreError: the file cannot be used.

    `used` counts replies that were there, `added` those that came new. `fault` is why one could
    not be kept.
    """

    def __init__(self, path: Path | None, mode: Mode = "readwrite") -> None:
        self.mode = mode
        self.used = 0
        self.added = 0
        self.fault: StoreError | None = None
        self._path = path
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        if mode != "off":
            self._database = self._opened(path)

    def get(self, key: str, kind: type[T]) -> T | None:
        """The reply of a key; None where there is none, or none that can be read."""
        if self._database is None:
            return None
        with self._lock, self._usable():
            query = "SELECT reply FROM replies WHERE key = ?"
            row = self._database.execute(query, (key,)).fetchone()
        if row is None:
            return None
        try:
            reply = msgspec.json.decode(row[0], type=kind)
        except msgspec.DecodeError:
            return None
        self.used += 1
        return reply

    def put(self, key: str, reply: Any) -> None:
        """Keep a reply. It was paid for, so it is with the operating system when this returns.

        Where it cannot be kept it is used all the same, and that is the `fault`.
        """
        if self.mode != "readwrite" or self._database is None:
            return
        body = jsonx.encode(reply)
        try:
            with self._lock, self._usable():
                self._database.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, body))
        except StoreError as fault:
            self.fault = fault
        else:
            self.added += 1

    def unkept(self) -> Replies:
        """In the place of these for what must not be kept: asked, unless nothing may be asked."""
        return self if self.mode == "readonly" else Replies(None, "off")

    def close(self) -> None:
        """Let go of the file; closing again does nothing."""
        if self._database is None:
            return
        self._database.close()
        self._database = None

    def __enter__(self) -> Replies:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _opened(self, path: Path | None) -> sqlite3.Connection:
        with self._usable():
            if path is not None:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                # Not opened where it is: closing it would end this process's locks on it.
                with suppress(FileExistsError):
                    path.touch(mode=0o600, exist_ok=False)
            database = sqlite3.connect(
                ":memory:" if path is None else path,
                check_same_thread=False,
                isolation_level=None,
                timeout=_BUSY_S,
            )
            _log_ahead(database)
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply BLOB NOT NULL)"
                " WITHOUT ROWID"
            )
        return database

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"kept replies cannot be used: {error}",
                where=str(self._path or ":memory:"),
                fix="delete the file, name another data directory, or run with --cache off",
            ) from None


def _log_ahead(database: sqlite3.Connection) -> None:
    # Two that find a new file would wait for each other here, so SQLite refuses one at once.
    until = monotonic() + _BUSY_S
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(0.01)


class KeptChat:
    """A chat that answers from kept replies where it can; implements `ports.Chat`.

    Args:
        fresh: asks anew also where a reply is kept, unless nothing may be asked.
        behind: what a model's name resolved to, which belongs to what was asked.
    """

    def __init__(
        self,
        chat: Chat,
        replies: Replies,
        *,
        fresh: bool = False,
        behind: Mapping[str, str] | None = None,
    ) -> None:
        self._chat = chat
        self._replies = replies
        self._fresh = fresh
        self._behind = behind or {}

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        replies = self._replies
        if replies.mode == "off":
            return await self._chat.ask(request)
        try:
            resolved = self._behind.get(request.get("model", ""), "")
            key = digest(["chat", request, resolved] if resolved else ["chat", request])
        except (TypeError, ValueError):
            return await self._chat.ask(request)  # which says what is wrong with it
        fresh = self._fresh and replies.mode == "readwrite"
        kept = None if fresh else replies.get(key, ChatReply)
        if kept is not None:
            return msgspec.structs.replace(kept, cached=True)
        if replies.mode == "readonly":
            return ChatReply(status=0, error=ABSENT)
        reply = await self._chat.ask(request)
        if reply.error is None:
            replies.put(key, reply)
        return reply


class KeptAnswers:
    """Answers of a task, kept by what it was asked.

    Args:
        task: the digest of what answers.
        fresh: asks anew also where an answer is kept, unless nothing may be asked: of an
            application whose code nobody can see the old answers say nothing about the new code.
    """

    def __init__(self, replies: Replies, *, task: str, fresh: bool = False) -> None:
        self._replies = replies
        self._task = task
        self._fresh = fresh

    def key(self, asked: Any, repeat: int, seed: int | None) -> str:
        return digest(["task", self._task, asked, repeat, seed])

    def get(self, key: str) -> Response | None:
        """The kept answer; in the mode "readonly" one that says it is absent."""
        replies = self._replies
        if replies.mode == "off" or (self._fresh and replies.mode == "readwrite"):
            return None
        kept = replies.get(key, Response)
        if kept is not None:
            return msgspec.structs.replace(kept, cached=True)
        if replies.mode == "readonly":
            return Response(output=None, error=ABSENT, cost_usd=Decimal(0))
        return None

    def put(self, key: str, response: Response) -> None:
        if response.error is None:
            self._replies.put(key, msgspec.structs.replace(response, spans=()))
