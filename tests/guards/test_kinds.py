"""What rules may name of a signal's findings, against what the signal finds."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.signals.secret_values import SHAPES, filled
from tests.signals.test_sinks import HARMFUL

from trimtab.errors import ConfigError
from trimtab.guards.kinds import kinds_of
from trimtab.guards.rule import compiled
from trimtab.records import GuardRule
from trimtab.signals.catalogue import signal
from trimtab.signals.text import Text

SOURCES = Path(__file__).parents[2] / "src" / "trimtab" / "signals"

MARKUP = [
    "![a](https://e.test/?d=abc) [b](https://e.test/b) [c]: https://e.test/c",
    "<img src=https://e.test/x><script src=https://e.test/x></script><form action=https://e.test>",
    "<meta http-equiv=refresh content='0;url=https://e.test'><a href='https://me:pw@e.test'>x</a>",
    "<video src=https://e.test/v></video><iframe src=https://1.2.3.4/></iframe>",
    "<div style='background:url(https://e.test/i)'>",
    "[bank.test](https://evil.test) https://xn--80ak6aa92e.com/ data:text/html,<b>x javascript:x",
    "\x1b]8;;https://e.test\x07x\x1b]52;c;aGk=\x07 https://\u0430pple.test/ https://a.test\\@b.test/",
]


def texts_of(name: str) -> Iterable[str]:
    if name == "secrets":
        rng = random.Random(7)
        return [filled(f"value: {{{{{kind}}}}}\n", rng).text for kind in SHAPES]
    if name == "sinks":
        return [text for texts in HARMFUL.values() for text in texts]
    return MARKUP


@pytest.mark.parametrize(("name", "least"), [("secrets", 30), ("sinks", 8), ("exfiltration", 10)])
def test_whatever_is_found_may_be_named(name: str, least: int) -> None:
    looks = signal(name)
    known = set(kinds_of(GuardRule(signal=name), looks) or ())
    found = {one.kind for text in texts_of(name) for one in looks.read(Text(text)).findings}
    assert len(found) >= least
    assert found <= known


def test_every_kind_that_is_spelt_out_may_be_named() -> None:
    said = re.findall(r'kind="(\w+)"', (SOURCES / "unicode.py").read_text())
    assert set(said) == set(kinds_of(GuardRule(signal="unicode"), signal("unicode")) or ())
    code = (SOURCES / "exfiltration.py").read_text()
    said = re.findall(r'(?:yield|kind, score =) "(\w+)"', code)
    assert len(said) > 8
    assert set(said) <= set(
        kinds_of(GuardRule(signal="exfiltration"), signal("exfiltration")) or ()
    )


TOPICS = {"topics": {"money": ["What does it cost?"], "weather": ["Will it rain?"]}}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (GuardRule(signal="secrets", kinds=("openai_key",)), "did you mean 'openai_api_key'"),
        (GuardRule(signal="exfiltration", but=("markdown_img",)), "did you mean 'markdown_image'"),
        (GuardRule(signal="sinks", kinds=("sql_injections",)), "did you mean 'sql_injection'"),
        (GuardRule(signal="unicode", kinds=("zero-width",)), "did you mean 'zero_width'"),
        (GuardRule(signal="code", kinds=("code",)), "use one of code_block"),
        (GuardRule(signal="groundedness", but=("x",)), "use one of unsupported"),
        (GuardRule(signal="topics", kinds=("mony",), settings=TOPICS), "did you mean 'money'"),
        (GuardRule(signal="topics"), "no topics"),
        (GuardRule(signal="secrets", kinds=("zzzzzz",)), "more"),
    ],
)
def test_a_kind_that_is_never_found_is_refused(rule: GuardRule, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        compiled(rule, "shadow")


@pytest.mark.parametrize(
    "rule",
    [
        GuardRule(signal="secrets", kinds=("password", "github_token")),
        GuardRule(signal="exfiltration", kinds=("html_video", "host_not_allowed")),
        GuardRule(signal="topics", kinds=("money",), settings=TOPICS),
    ],
)
def test_a_kind_that_is_found_is_taken(rule: GuardRule) -> None:
    assert compiled(rule, "shadow").said.kinds == rule.kinds
