"""What the digests of scorers and tasks notice, and what they do not mind."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trimtab.evals.code import digest_of_callable
from trimtab.scorers.definition import scorer
from trimtab.scorers.fingerprint import fingerprint

OWN = """
import re
import own_words
from own_words import shout

async def short(output):
    return checked(output) and not _deep(3)

def checked(output):
    return len(output) > LIMIT or output in WORDS or bool(PATTERN.match(output))

def _deep(n):
    return n and (_deep(n - 1) or own_words.MARK or shout("a") or CHECKS[0](n) or Rule().holds())

class Rule:
    threshold = 3

    @functools.cached_property
    def known(self):
        return 1

    def holds(self):
        return self.threshold > 1

def lazily(output):
    import own_late
    return own_late.VALUE

LIMIT = 3000
WORDS = ["yes", "no"]
PATTERN = re.compile("a+")
CHECKS = [lambda n: n > 1]
UNNAMED = "nobody names it"
""".replace("import re\n", "import functools\nimport re\n")
WORDS = "MARK = 'm'\n\ndef shout(text):\n    return text + END\n\nEND = '!'\n"
LATE = "VALUE = 1\n"


def digests(folder: Path, name: str, of: Callable[[Any], str], **changed: str) -> str:
    """The digest of a function of a module that was written and loaded anew."""
    texts = {"own": OWN, "own_words": WORDS, "own_late": LATE, **changed}
    for module, text in texts.items():
        (folder / f"{module}.py").write_text(text)
        sys.modules.pop(module, None)
    importlib.invalidate_caches()
    import linecache

    linecache.clearcache()
    return of(getattr(importlib.import_module("own"), name))


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def by_scorer(function: Any) -> str:
    return scorer(function).digest


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("own", "LIMIT = 3000", "LIMIT = 30"),
        ("own", '"yes", "no"', '"yes"'),
        ("own", '"a+"', '"b+"'),
        ("own", "n > 1]", "n > 2]"),
        ("own", "threshold = 3", "threshold = 0"),
        ("own", "self.threshold > 1", "self.threshold > 2"),
        ("own", "return 1", "return 2"),
        ("own", "output in WORDS", "output not in WORDS"),
        ("own_words", "'m'", "'n'"),
        ("own_words", "'!'", "'?'"),
        ("own_words", "text + END", "END + text"),
    ],
)
def test_what_a_function_names_belongs_to_its_digest(
    own: Path, module: str, old: str, new: str
) -> None:
    texts = {"own": OWN, "own_words": WORDS}
    assert old in texts[module]
    before = digests(own, "short", by_scorer)
    assert digests(own, "short", by_scorer) == before
    assert digests(own, "short", by_scorer, **{module: texts[module].replace(old, new)}) != before


def test_what_it_does_not_name_belongs_to_a_task_and_not_to_a_scorer(own: Path) -> None:
    other = OWN.replace("nobody", "anybody")
    one, two = (digests(own, "short", by_scorer, own=text) for text in (OWN, other))
    assert one == two
    one, two = (digests(own, "short", digest_of_callable, own=text) for text in (OWN, other))
    assert one != two


@pytest.mark.parametrize("of", [by_scorer, digest_of_callable])
def test_what_a_function_imports_itself_is_noticed_before_it_is_loaded(
    own: Path, of: Callable[[Any], str]
) -> None:
    before = digests(own, "lazily", of)
    assert "own_late" not in sys.modules
    assert digests(own, "lazily", of, own_late="VALUE = 2\n") != before


def test_a_module_that_a_task_imports_is_noticed(own: Path) -> None:
    before = digests(own, "short", digest_of_callable)
    assert digests(own, "short", digest_of_callable) == before
    assert digests(own, "short", digest_of_callable, own_words=WORDS + "X = 1\n") != before


class Says:
    """An application that holds what it says."""

    def __init__(self, said: Any) -> None:
        self.said = said

    def __call__(self, input: str) -> Any:
        return self.said

    def method(self, input: str) -> Any:
        return self.said


def say(said: Any, input: str) -> Any:
    return said


def wrapped(said: Any) -> Any:
    @functools.wraps(say)
    def answer(input: str) -> Any:
        return say(said, input)

    return answer


@pytest.mark.parametrize(
    "made",
    [
        lambda said: functools.partial(say, said),
        lambda said: functools.partial(say, said=said),
        Says,
        lambda said: Says(Says(said)),
        lambda said: Says(said).method,
        lambda said: lambda asked: said,
        wrapped,
    ],
    ids=["partial", "keywords", "object", "objects", "method", "closure", "decorated"],
)
def test_what_a_callable_holds_belongs_to_its_digest(made: Callable[[Any], Any]) -> None:
    one, same, other = (digest_of_callable(made(said)) for said in ("a", "a", "b"))
    assert one == same != other


def test_objects_that_hold_each_other_are_hashed_once() -> None:
    def web(said: str) -> Says:
        nodes = [Says([]) for _ in range(40)]
        for node in nodes:
            node.said = [said, *nodes]
        return nodes[0]

    one, same, other = (digest_of_callable(web(said)) for said in ("a", "a", "b"))
    assert one == same != other


def test_lambdas_of_one_line_differ() -> None:
    one, two = (lambda asked: "a"), (lambda asked: "b")
    assert fingerprint(one, {}) != fingerprint(two, {})


HIDDEN = """
import functools, sys, threading
from trimtab.evals.code import digest_of_callable

class Held:
    def __init__(self):
        self.held = threading.Lock()
    def __call__(self, input):
        return input

def plain(input):
    return [held, input]

held = threading.Lock()
callables = [len, Held(), functools.partial(plain, held), plain]
print(*(digest_of_callable(each) for each in callables))
"""


def test_what_nothing_is_seen_of_differs_from_process_to_process(tmp_path: Path) -> None:
    (tmp_path / "hidden.py").write_text(HIDDEN)
    command = [sys.executable, str(tmp_path / "hidden.py")]
    one, two = (
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        for _ in range(2)
    )
    differ = [a != b for a, b in zip(one.stdout.split(), two.stdout.split(), strict=True)]
    assert differ == [True, True, True, False]
