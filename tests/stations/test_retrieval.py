"""Corpora read Markdown from folders, build indexes once and notice changed files."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from trimtab.errors import NotFound, StoreError
from trimtab.ports import Retriever
from trimtab.records import Retrieval
from trimtab.retrieval import Corpora
from trimtab.retrievers import build_bm25


class ManualClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns


class CountingBuild:
    """The real builder, with a record of what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[Retrieval, list[str]]] = []
        self.lock = threading.Lock()

    def __call__(self, settings: Retrieval, documents: Sequence[tuple[str, str]]) -> Retriever:
        with self.lock:
            self.calls.append((settings, [name for name, _ in documents]))
        return build_bm25(settings, documents)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "guide").mkdir(parents=True)
    (folder / "serve.md").write_text("# Ports\nThe port is 8321.\n", encoding="utf-8")
    (folder / "guide" / "keys.md").write_text("# Keys\nKeys are hashed.\n", encoding="utf-8")
    return folder


@pytest.fixture
def build() -> CountingBuild:
    return CountingBuild()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def corpora(docs: Path, build: CountingBuild, clock: ManualClock) -> Corpora:
    return Corpora({"docs": docs}, build=build, clock=clock)


SETTINGS = Retrieval(corpus="docs")


def found(corpora: Corpora, query: str, settings: Retrieval = SETTINGS) -> list[str]:
    return [p.id for p in corpora.retriever(settings).search(query, k=settings.k)]


def test_passages_are_named_after_the_folder_and_the_file(corpora: Corpora) -> None:
    assert found(corpora, "port") == ["docs/serve.md#ports/0"]
    assert found(corpora, "hashed keys") == ["docs/guide/keys.md#keys/0"]


def test_nothing_is_read_before_it_is_needed(corpora: Corpora, build: CountingBuild) -> None:
    assert corpora.names == ["docs"]
    assert build.calls == []


def test_one_index_serves_all_requests_with_the_same_settings(
    corpora: Corpora, build: CountingBuild
) -> None:
    for settings in (SETTINGS, SETTINGS, Retrieval(corpus="docs", k=9)):
        assert found(corpora, "port", settings) == ["docs/serve.md#ports/0"]
    assert len(build.calls) == 1


def test_other_settings_get_an_index_of_their_own(corpora: Corpora) -> None:
    unstemmed = Retrieval(corpus="docs", stemmer=None)
    assert found(corpora, "ports", unstemmed) == ["docs/serve.md#ports/0"]
    assert found(corpora, "hash", unstemmed) == []
    assert found(corpora, "hash") == ["docs/guide/keys.md#keys/0"]


def test_threads_that_ask_at_once_share_one_build(corpora: Corpora, build: CountingBuild) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: found(corpora, "port"), range(64)))
    assert results == [["docs/serve.md#ports/0"]] * 64
    assert len(build.calls) == 1


def test_an_index_may_wait_for_the_first_search(corpora: Corpora, build: CountingBuild) -> None:
    retriever = corpora.retriever(SETTINGS, build=False)
    assert build.calls == []
    assert [passage.id for passage in retriever.search("port", k=1)] == ["docs/serve.md#ports/0"]
    assert len(build.calls) == 1


def test_only_the_most_recently_used_indexes_are_kept(docs: Path, build: CountingBuild) -> None:
    corpora = Corpora({"docs": docs}, build=build, clock=ManualClock(), indexes=2)
    first, second, third = (Retrieval(corpus="docs", chunk_words=n) for n in (50, 60, 70))
    for settings in (first, second, first, third, first):
        corpora.retriever(settings)
    assert [settings.chunk_words for settings, _ in build.calls] == [50, 60, 70]
    corpora.retriever(second)
    assert [settings.chunk_words for settings, _ in build.calls] == [50, 60, 70, 60]


# -- changes -----------------------------------------------------------------------------------


def change(docs: Path, how: str) -> None:
    if how == "edited":
        (docs / "serve.md").write_text("# Zebra\nStripes.\n", encoding="utf-8")
    elif how == "added":
        (docs / "new.md").write_text("A zebra.", encoding="utf-8")
    elif how == "renamed":
        (docs / "serve.md").rename(docs / "zebra.md")
    elif how == "removed":
        (docs / "serve.md").unlink()
    elif how == "touched":
        os.utime(docs / "serve.md", ns=(1, 1))


@pytest.mark.parametrize("how", ["edited", "added", "renamed", "removed", "touched"])
def test_a_changed_corpus_is_indexed_again_a_second_later(
    corpora: Corpora, build: CountingBuild, docs: Path, clock: ManualClock, how: str
) -> None:
    corpora.retriever(SETTINGS)
    change(docs, how)
    clock.ns += 999_999_999
    corpora.retriever(SETTINGS)
    assert len(build.calls) == 1
    clock.ns += 1
    corpora.retriever(SETTINGS)
    assert len(build.calls) == 2
    documents = build.calls[1][1]
    assert ("docs/serve.md" in documents) == (how not in ("renamed", "removed"))


def test_a_retriever_that_was_handed_out_before_a_change_finds_what_is_new(
    corpora: Corpora, docs: Path, clock: ManualClock
) -> None:
    retriever = corpora.retriever(SETTINGS)
    assert retriever.search("zebra", k=4) == []
    change(docs, "added")
    clock.ns += 1_000_000_000
    assert [p.id for p in retriever.search("zebra", k=4)] == ["docs/new.md#top/0"]


def test_an_unchanged_corpus_is_not_indexed_again(
    corpora: Corpora, build: CountingBuild, clock: ManualClock
) -> None:
    for _ in range(5):
        corpora.retriever(SETTINGS)
        clock.ns += 10_000_000_000
    assert len(build.calls) == 1


# -- what cannot be read -----------------------------------------------------------------------


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root may read everything, so it steps down for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_docs() -> Iterator[Path]:
    """A corpus that an unprivileged user may reach."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder = Path(name, "docs")
        (folder / "below").mkdir(parents=True)
        (folder / "serve.md").write_text("# Ports\nThe port is 8321.\n", encoding="utf-8")
        (folder / "below" / "zoo.md").write_text("# Zoo\nA zebra.\n", encoding="utf-8")
        yield folder


def break_file(docs: Path, how: str) -> str:
    """Make a document unreadable; returns what is said about it."""
    if how == "not utf-8":
        (docs / "below" / "zoo.md").write_bytes("caf\u00e9".encode("latin-1"))
        return "byte 0xe9 at offset 3"
    (docs / {"locked file": "below/zoo.md", "locked folder": "below"}[how]).chmod(0)
    return "Permission denied"


def mend_file(docs: Path, how: str) -> None:
    (docs / "below").chmod(0o755)
    if how == "not utf-8":
        (docs / "below" / "zoo.md").write_text("# Zoo\nA zebra.\n", encoding="utf-8")
    else:
        (docs / "below" / "zoo.md").chmod(0o644)


FAULTS = ["not utf-8", "locked file", "locked folder"]


@pytest.mark.parametrize("how", FAULTS)
def test_a_document_that_cannot_be_read_is_left_out_and_comes_back_when_it_is_mended(
    open_docs: Path, clock: ManualClock, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    corpora = Corpora({"docs": open_docs}, build=build_bm25, clock=clock)
    said = break_file(open_docs, how)
    with unprivileged():
        assert found(corpora, "port") == ["docs/serve.md#ports/0"]
        assert found(corpora, "zebra") == []
    assert said in caplog.text
    assert str(open_docs / "below") in caplog.text
    mend_file(open_docs, how)
    clock.ns += 1_000_000_000
    with unprivileged():
        assert found(corpora, "zebra") == ["docs/below/zoo.md#zoo/0"]


def test_a_file_in_use_that_breaks_leaves_the_others_searchable(
    corpora: Corpora, docs: Path, clock: ManualClock
) -> None:
    retriever = corpora.retriever(SETTINGS)
    (docs / "guide" / "keys.md").write_bytes(b"\xff\xfe")
    clock.ns += 1_000_000_000
    assert [p.id for p in retriever.search("port", k=4)] == ["docs/serve.md#ports/0"]
    assert retriever.search("hashed keys", k=4) == []


def test_a_file_that_vanishes_between_the_listing_and_the_reading_is_left_out(
    corpora: Corpora, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_bytes

    def deleted_first(path: Path) -> bytes:
        if path.name == "keys.md":
            path.unlink()
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", deleted_first)
    assert found(corpora, "port") == ["docs/serve.md#ports/0"]
    assert found(corpora, "hashed keys") == []


def test_a_fault_is_logged_once_until_the_files_change(
    corpora: Corpora, docs: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    (docs / "bad.md").write_bytes(b"\xff")
    for settings in (SETTINGS, Retrieval(corpus="docs", chunk_words=60), SETTINGS):
        corpora.retriever(settings)
        clock.ns += 5_000_000_000
    assert caplog.text.count("bad.md") == 1
    change(docs, "edited")
    for _ in range(3):
        corpora.retriever(SETTINGS)
        clock.ns += 5_000_000_000
    assert caplog.text.count("bad.md") == 2


def test_a_file_that_stays_broken_costs_no_further_builds(
    open_docs: Path, build: CountingBuild, clock: ManualClock
) -> None:
    corpora = Corpora({"docs": open_docs}, build=build, clock=clock)
    break_file(open_docs, "locked file")
    (open_docs / "bad.md").write_bytes(b"\xff")
    with unprivileged():
        for _ in range(5):
            corpora.retriever(SETTINGS)
            clock.ns += 10_000_000_000
        assert len(build.calls) == 1
        with as_root():
            mend_file(open_docs, "locked file")
        for _ in range(5):
            corpora.retriever(SETTINGS)
            clock.ns += 10_000_000_000
        assert len(build.calls) == 2


@contextmanager
def as_root() -> Iterator[None]:
    """The privileges that `unprivileged` gave up, for a moment."""
    before = os.geteuid()
    os.seteuid(os.getuid())
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("how", ["all broken", "folder gone", "folder locked"])
def test_when_nothing_can_be_read_the_last_index_stays_in_use(
    open_docs: Path, clock: ManualClock, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    corpora = Corpora({"docs": open_docs}, build=build_bm25, clock=clock)
    with unprivileged():
        assert found(corpora, "port") == ["docs/serve.md#ports/0"]
    elsewhere = open_docs.parent / "elsewhere"
    if how == "all broken":
        for path in open_docs.rglob("*.md"):
            path.write_bytes(b"\xff")
    elif how == "folder gone":
        open_docs.rename(elsewhere)
    else:
        open_docs.chmod(0)
    for _ in range(3):
        clock.ns += 1_000_000_000
        with unprivileged():
            assert found(corpora, "port") == ["docs/serve.md#ports/0"]
            assert found(corpora, "zebra") == ["docs/below/zoo.md#zoo/0"]
    assert caplog.text.count("the index of before stays in use") == 1
    if how == "folder gone":
        elsewhere.rename(open_docs)
    open_docs.chmod(0o755)
    (open_docs / "new.md").write_text("# New\nA giraffe.\n", encoding="utf-8")
    clock.ns += 1_000_000_000
    with unprivileged():
        assert found(corpora, "giraffe") == ["docs/new.md#new/0"]


def test_documents_that_were_all_deleted_are_no_longer_found(
    corpora: Corpora, docs: Path, clock: ManualClock
) -> None:
    corpora.retriever(SETTINGS)
    for path in docs.rglob("*.md"):
        path.unlink()
    clock.ns += 1_000_000_000
    assert found(corpora, "port") == []


def test_a_corpus_of_which_nothing_was_ever_read_is_an_error_until_it_is_mended(
    corpora: Corpora, docs: Path
) -> None:
    for path in docs.rglob("*.md"):
        path.write_bytes("caf\u00e9".encode("latin-1"))
    for _ in range(2):
        with pytest.raises(StoreError, match=r"byte 0xe9 at offset 3 .*keys\.md"):
            corpora.retriever(SETTINGS)
    (docs / "serve.md").write_text("# Ports\nThe port is 8321.\n", encoding="utf-8")
    assert found(corpora, "port") == ["docs/serve.md#ports/0"]


# -- what is not part of a corpus --------------------------------------------------------------


def test_other_files_hidden_folders_and_special_files_are_left_out(
    corpora: Corpora, build: CountingBuild, docs: Path
) -> None:
    (docs / "notes.txt").write_text("port", encoding="utf-8")
    (docs / ".git").mkdir()
    (docs / ".git" / "hidden.md").write_text("port", encoding="utf-8")
    (docs / "folder.md").mkdir()
    os.mkfifo(docs / "pipe.md")
    corpora.retriever(SETTINGS)
    assert build.calls[0][1] == ["docs/guide/keys.md", "docs/serve.md"]


def test_links_that_lead_out_of_the_folder_are_not_followed(
    corpora: Corpora, build: CountingBuild, docs: Path
) -> None:
    outside = docs.parent / "secrets"
    outside.mkdir()
    (outside / "secret.md").write_text("The password is zebra.", encoding="utf-8")
    (docs / "linked.md").symlink_to(outside / "secret.md")
    (docs / "linked-folder").symlink_to(outside, target_is_directory=True)
    (docs / "dangling.md").symlink_to(outside / "absent.md")
    (docs / "loop.md").symlink_to(docs / "loop.md")
    (docs / "inside.md").symlink_to(docs / "serve.md")
    corpora.retriever(SETTINGS)
    assert build.calls[0][1] == ["docs/guide/keys.md", "docs/inside.md", "docs/serve.md"]


def test_a_corpus_may_itself_be_a_link(docs: Path, build: CountingBuild) -> None:
    link = docs.parent / "current"
    link.symlink_to(docs, target_is_directory=True)
    corpora = Corpora({"docs": link}, build=build)
    assert found(corpora, "port") == ["docs/serve.md#ports/0"]


def test_an_empty_folder_is_a_corpus_that_finds_nothing(tmp_path: Path) -> None:
    corpora = Corpora({"docs": tmp_path}, build=build_bm25)
    assert found(corpora, "port") == []


# -- errors ------------------------------------------------------------------------------------


def test_an_unknown_corpus_names_the_known_ones(docs: Path, build: CountingBuild) -> None:
    corpora = Corpora({"zoo": docs, "docs": docs}, build=build)
    with pytest.raises(NotFound, match=r"no such corpus 'handbook'.*docs, zoo") as caught:
        corpora.retriever(Retrieval(corpus="handbook"))
    assert caught.value.fields["allowed"] == ["docs", "zoo"]


def test_a_missing_folder_is_named(tmp_path: Path, build: CountingBuild) -> None:
    corpora = Corpora({"docs": tmp_path / "absent"}, build=build)
    with pytest.raises(StoreError, match="absent"):
        corpora.retriever(SETTINGS)
