"""Folders of Markdown files under names, each with its indexes built when they are first needed.

A release's retrieval settings come in, a `Retriever` goes out. Files are read here and nowhere
else; how an index is built is the caller's business (`build`). What cannot be read is left out and
named in the log, so that one bad file takes no route down. Nothing is written, and no file outside
a corpus's folder is read.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from trimtab.errors import NotFound, StoreError
from trimtab.kit.clock import NS_PER_S, SystemClock
from trimtab.kit.hashing import digest
from trimtab.ports import Clock, Retriever
from trimtab.records import Passage, Retrieval

__all__ = ["Build", "Corpora"]

_log = logging.getLogger("trimtab.retrieval")

SHARE_OF_TIME = 20
"""At most one part in so many of the time goes into looking for changed files."""

Build: TypeAlias = Callable[[Retrieval, Sequence[tuple[str, str]]], Retriever]
"""Makes a retriever from settings and documents, given as (name, text)."""


class Corpora:
    """The corpora of a server; safe to use from many threads.

    Args:
        corpora: folders by corpus name. Every `*.md` below a folder belongs to the corpus, except
            below folders whose name begins with a full stop.
        build: makes the index for some settings.
        clock: for deciding when to look for changed files again.
        check_every_s: how long a look at the files is trusted; 0 looks every time.
        indexes: how many indexes are kept per corpus; the least recently used goes first.
    """

    def __init__(
        self,
        corpora: Mapping[str, Path],
        *,
        build: Build,
        clock: Clock | None = None,
        check_every_s: float = 1.0,
        indexes: int = 8,
    ) -> None:
        shared = (build, clock or SystemClock(), int(check_every_s * NS_PER_S), indexes)
        self._corpora = {name: _Corpus(name, root, *shared) for name, root in corpora.items()}

    @property
    def names(self) -> list[str]:
        """The names of all corpora, sorted."""
        return sorted(self._corpora)

    def retriever(self, settings: Retrieval, *, build: bool = True) -> Retriever:
        """The retriever for these settings; its index is built from the files as they are now.

        It may be kept: when files change, its next search builds the index again. A file that
        cannot be read is left out of the index. When nothing can be read, the last index stays.

        Args:
            settings: of the index and its searches.
            build: False leaves the index, and what may be wrong with it, to the first search.

        Raises:
            NotFound: there is no such corpus.
            StoreError: nothing can be read and there was no index yet; `where` names the folder or
                a file.
            InvalidRequest: the settings are out of range.
        """
        corpus = self._corpora.get(settings.corpus)
        if corpus is None:
            known = ", ".join(self.names) or "none is configured"
            raise NotFound(
                f"no such corpus {settings.corpus!r}",
                where="retrieval.corpus",
                fix=f"use a corpus of trimtab.yaml: {known}",
                got=settings.corpus,
                allowed=self.names,
            )
        if build:
            corpus.index(settings)
        return _Live(corpus, settings)

    def version(self, name: str) -> str:
        """The hash of what the documents of a corpus say now; "" for one that there is not.

        Every document is read.
        """
        corpus = self._corpora.get(name)
        return "" if corpus is None else corpus.version()


class _Live:
    """Searches the index of some settings, whichever that is at the moment."""

    def __init__(self, corpus: _Corpus, settings: Retrieval) -> None:
        self._corpus = corpus
        self._settings = settings

    def search(self, query: str, *, k: int) -> list[Passage]:
        return self._corpus.index(self._settings).search(query, k=k)


class _Unread(NamedTuple):
    """A file or folder that is left out."""

    path: Path
    error: StoreError
    opens: bool  # It could be opened, so only other content can make it readable.


class _Listing(NamedTuple):
    """The Markdown files of a corpus in a fixed order, none of them outside its folder."""

    files: list[Path]
    unread: list[_Unread]


class _Index(NamedTuple):
    seen: str
    retriever: Retriever


class _Corpus:
    def __init__(
        self, name: str, root: Path, build: Build, clock: Clock, check_every_ns: int, indexes: int
    ) -> None:
        self._name = name
        self._root = root
        self._build = build
        self._clock = clock
        self._check_every_ns = check_every_ns
        self._capacity = max(1, indexes)
        self._lock = threading.Lock()
        self._next_check_ns: int | None = None
        self._seen = ""
        self._unopened: set[Path] = set()
        self._mended = 0
        self._warned: set[str] = set()
        self._indexes: OrderedDict[Retrieval, _Index] = OrderedDict()

    def index(self, settings: Retrieval) -> Retriever:
        """The index over the files as they are, or were within `check_every_ns`."""
        # `k` is a matter of the search, not of the index.
        key = msgspec.structs.replace(settings, k=0)
        # One build at a time: whoever asks meanwhile wants its result.
        with self._lock:
            self._look()
            held = self._indexes.get(key)
            if held is None or held.seen != self._seen:
                self._indexes[key] = _Index(self._seen, self._built(settings, held))
                while len(self._indexes) > self._capacity:
                    self._indexes.popitem(last=False)
            self._indexes.move_to_end(key)
            return self._indexes[key].retriever

    def version(self) -> str:
        return digest(_documents(self._name, self._root)[0])

    def _look(self) -> None:
        """Notice, from time to time, that files have changed: indexes of before are then old."""
        started = self._clock.monotonic_ns()
        if self._next_check_ns is not None and started < self._next_check_ns:
            return
        # A file that may be read again need not look any different.
        self._mended += any(map(_opens, self._unopened))
        seen = digest([self._mended, _fingerprint(self._name, self._root)])
        if seen != self._seen:
            self._warned.clear()
            self._unopened.clear()
        # A look at very many files takes long and comes less often.
        took = self._clock.monotonic_ns() - started
        self._seen = seen
        self._next_check_ns = started + max(self._check_every_ns, SHARE_OF_TIME * took)

    def _built(self, settings: Retrieval, held: _Index | None) -> Retriever:
        """An index over what can be read; the one of before when there is nothing."""
        documents, unread = _documents(self._name, self._root)
        self._unopened |= {each.path for each in unread if not each.opens}
        for each in unread:
            self._warn(f"{each.error.what} (at {each.error.where}); it is left out")
        if documents or not unread:
            return self._build(settings, documents)
        if held is None:
            raise unread[0].error
        self._warn("nothing can be read; the index of before stays in use")
        return held.retriever

    def _warn(self, what: str) -> None:
        """Say it once, until the files change."""
        if what not in self._warned:
            self._warned.add(what)
            _log.warning("corpus %s: %s", self._name, what)


def _fingerprint(name: str, root: Path) -> list[list[str | int]]:
    """Changes when a file is added, removed, renamed, resized or written."""
    listing = _listed(name, root)
    facts: list[list[str | int]] = [[str(each.error)] for each in listing.unread]
    for path in listing.files:
        try:
            stat = path.stat()
        except OSError:
            continue
        facts.append([path.relative_to(root).as_posix(), stat.st_mtime_ns, stat.st_size])
    return facts


def _listed(name: str, root: Path) -> _Listing:
    found = _Listing([], [])
    if not os.path.lexists(root):
        found.unread.append(_missing(name, root))
        return found

    def leave_out(error: OSError) -> None:
        found.unread.append(_unreadable(Path(error.filename or root), error))

    inside = root.resolve()
    for folder, below, names in os.walk(root, onerror=leave_out):
        below[:] = [name for name in below if not name.startswith(".")]
        paths = (Path(folder, name) for name in names if name.endswith(".md"))
        found.files.extend(path for path in paths if _belongs(path, inside, found.unread))
    found.files.sort(key=lambda path: path.relative_to(root).as_posix())
    return found


def _belongs(path: Path, inside: Path, unread: list[_Unread]) -> bool:
    """Whether this is a regular file whose content lies in the folder, links resolved."""
    try:
        if not path.is_file():
            return False
        return not path.is_symlink() or path.resolve().is_relative_to(inside)
    except OSError as error:
        unread.append(_unreadable(path, error))
        return False


def _documents(name: str, root: Path) -> tuple[list[tuple[str, str]], list[_Unread]]:
    """(name, text) of every file that can be read, and what cannot be.

    Names begin with the folder's own (`docs/gateway.md`).
    """
    files, unread = _listed(name, root)
    folder = root.resolve().name
    documents = []
    for path in files:
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError as error:
            unread.append(_not_text(path, error))
        except OSError as error:
            unread.append(_unreadable(path, error))
        else:
            documents.append((f"{folder}/{path.relative_to(root).as_posix()}", text))
    return documents, unread


def _opens(path: Path) -> bool:
    try:
        if path.is_dir():
            os.scandir(path).close()
        else:
            path.open("rb").close()
    except OSError:
        return False
    return True


def _missing(name: str, root: Path) -> _Unread:
    error = StoreError(
        f"the folder of corpus {name!r} does not exist",
        where=str(root),
        fix="create the folder or correct corpora in trimtab.yaml",
    )
    return _Unread(root, error, opens=False)


def _not_text(path: Path, error: UnicodeDecodeError) -> _Unread:
    refusal = StoreError(
        f"a document is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {error.start}",
        where=str(path),
        fix="save the file as UTF-8 or move it out of the corpus",
    )
    return _Unread(path, refusal, opens=True)


def _unreadable(path: Path, error: OSError) -> _Unread:
    refusal = StoreError(
        f"a document cannot be read: {error.strerror}",
        where=str(path),
        fix="make it readable for the user that runs trimtab",
    )
    return _Unread(path, refusal, opens=False)
