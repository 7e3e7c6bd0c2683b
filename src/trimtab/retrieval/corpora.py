"""Folders of Markdown files under names, each with its indexes built when they are first needed.

A release's retrieval settings come in, a `Retriever` goes out. Files are read here and nowhere
else; how an index is built is the caller's business (`build`). Nothing is written, and no file
outside a corpus's folder is read.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias

import msgspec

from trimtab.errors import NotFound, StoreError
from trimtab.kit.clock import NS_PER_S, SystemClock
from trimtab.kit.hashing import digest
from trimtab.ports import Clock, Retriever
from trimtab.records import Passage, Retrieval

__all__ = ["Build", "Corpora"]

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

    def retriever(self, settings: Retrieval) -> Retriever:
        """The retriever for these settings; its index is built from the files as they are now.

        It may be kept: when files change, its next search builds the index again, and raises
        StoreError when that cannot be done.

        Raises:
            NotFound: there is no such corpus.
            StoreError: a file or the folder cannot be read; `where` names it.
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
        corpus.index(settings)
        return _Live(corpus, settings)


class _Live:
    """Searches the index of some settings, whichever that is at the moment."""

    def __init__(self, corpus: _Corpus, settings: Retrieval) -> None:
        self._corpus = corpus
        self._settings = settings

    def search(self, query: str, *, k: int) -> list[Passage]:
        return self._corpus.index(self._settings).search(query, k=k)


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
        self._indexes: OrderedDict[Retrieval, Retriever] = OrderedDict()

    def index(self, settings: Retrieval) -> Retriever:
        """The index over the files as they are, or were within `check_every_ns`."""
        # `k` is a matter of the search, not of the index.
        key = msgspec.structs.replace(settings, k=0)
        # One build at a time: whoever asks meanwhile wants its result.
        with self._lock:
            self._forget_if_changed()
            if key not in self._indexes:
                self._indexes[key] = self._build(settings, _documents(self._root))
                while len(self._indexes) > self._capacity:
                    self._indexes.popitem(last=False)
            self._indexes.move_to_end(key)
            return self._indexes[key]

    def _forget_if_changed(self) -> None:
        started = self._clock.monotonic_ns()
        if self._next_check_ns is not None and started < self._next_check_ns:
            return
        seen = _fingerprint(self._name, self._root)
        if seen != self._seen:
            self._indexes.clear()
        # Set after the look, so that a folder that cannot be read is looked at again at once; a
        # look at very many files takes long and comes less often.
        took = self._clock.monotonic_ns() - started
        self._seen = seen
        self._next_check_ns = started + max(self._check_every_ns, SHARE_OF_TIME * took)


def _fingerprint(name: str, root: Path) -> str:
    """Changes when a file is added, removed, renamed, resized or written."""
    if not root.is_dir():
        raise StoreError(
            f"the folder of corpus {name!r} does not exist",
            where=str(root),
            fix="create the folder or correct corpora in trimtab.yaml",
        )
    facts = []
    for path in _files(root):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        facts.append([path.relative_to(root).as_posix(), stat.st_mtime_ns, stat.st_size])
    return digest(facts)


def _files(root: Path) -> list[Path]:
    """The Markdown files of a corpus in a fixed order, none of them outside its folder."""
    inside = root.resolve()
    found = []
    for folder, below, names in os.walk(root, onerror=_unreadable):
        below[:] = [name for name in below if not name.startswith(".")]
        paths = (Path(folder, name) for name in names if name.endswith(".md"))
        found += [path for path in paths if _belongs(path, inside)]
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _belongs(path: Path, inside: Path) -> bool:
    """Whether this is a regular file whose content lies in the folder, links resolved."""
    try:
        if not path.is_file():
            return False
        return not path.is_symlink() or path.resolve().is_relative_to(inside)
    except OSError as error:
        return _unreadable(error)


def _documents(root: Path) -> list[tuple[str, str]]:
    """(name, text) of every file; the name begins with the folder's own (`docs/gateway.md`)."""
    folder = root.resolve().name
    documents = []
    for path in _files(root):
        try:
            text = path.read_bytes().decode()
        except FileNotFoundError:
            continue  # deleted since the listing: the next look notices
        except UnicodeDecodeError as error:
            raise StoreError(
                f"a document is not UTF-8: byte 0x{error.object[error.start]:02x} "
                f"at offset {error.start}",
                where=str(path),
                fix="save the file as UTF-8 or move it out of the corpus",
            ) from None
        except OSError as error:
            _unreadable(error)
        else:
            documents.append((f"{folder}/{path.relative_to(root).as_posix()}", text))
    return documents


def _unreadable(error: OSError) -> NoReturn:
    raise StoreError(
        f"a document cannot be read: {error.strerror}",
        where=str(error.filename),
        fix="make it readable for the user that runs trimtab",
    ) from None
