"""Reports of runs: what each says, and that nothing a model says becomes anything but text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from tests.stations.measured import Numbers, examples, measured

from trimtab.experiments import reports
from trimtab.experiments.decision import decide
from trimtab.experiments.reports.escapes import in_html, in_markdown, visible
from trimtab.experiments.reports.markdown_page import MOST_CHARACTERS
from trimtab.experiments.reports.view import View
from trimtab.experiments.rules import GateRule
from trimtab.experiments.slices import sliced
from trimtab.experiments.suite import Slice, SuiteGate

HOSTILE = (
    "</pre></details><script>alert(1)</script><img src=x onerror=alert(1)> | @everyone #1 "
    "[x](javascript:alert(1)) ![y](http://evil.example/p.png) `code` ]]> &amp; \"'"
    "\x1b]0;owned\x07\x1b[31m \x00 \ud800 \u202e \r\n# heading\n---\n"
)
ROWS = examples(60, tags=("ports",))
BASE: Numbers = {"right": [True] * 40 + [False] * 20, "speed": [1.5] * 60}
NEW: Numbers = {
    "right": [False] * 4 + [True] * 50 + [None] * 6,
    "speed": [1.0] * 60,
}


def view(*, hostile: bool = False, alone: bool = False, **fields: Any) -> View:
    """A run that got better and worse, with an error, unscored cases, slices and notes."""
    text = HOSTILE if hostile else "the port is 7711"
    outputs = [f"{text} {n}" for n in range(60)]
    base = measured("1", BASE, outputs=[f"no idea {n}" for n in range(60)])
    rows = [msgspec.structs.replace(row, expected=text, metadata={"k": text}) for row in ROWS]
    new = measured(
        *("2", NEW),
        outputs=outputs,
        errors={"e059": f"HTTP 500 {text}"},
        seed=7,
        cost_usd=Decimal("0.0123"),
        task=f"python {text}",
        name=f"docs {text}"[:190] if hostile else "docs",
        **fields,
    )
    gate = SuiteGate(rules=[GateRule(metric="right", margin=0.1)], coverage=0.9)
    verdict = decide(new, rows, gate, baseline=None if alone else base)
    run = msgspec.structs.replace(new.run, verdict=verdict)
    asked = [Slice(by="tag", metric="right"), Slice(by="metadata.k", metric="right", max_gap=0.1)]
    return View(
        run=run,
        results=new.results,
        examples=rows,
        baseline=None if alone else base.run,
        baseline_results=() if alone else base.results,
        comparisons=() if verdict is None else verdict.comparisons,
        slices=sliced(asked, new.results, rows),
        notes=[f"resumed {text}"],
    )


class Tags(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


KINDS = ("markdown", "html", "junit", "terminal")


def made(kind: str, views: Sequence[View]) -> str:
    report: str = getattr(reports, kind)(views)
    return report


@pytest.mark.parametrize("kind", KINDS)
def test_the_verdict_is_there_in_words_and_every_metric_with_its_interval(kind: str) -> None:
    text = made(kind, [view()])
    assert "docs@2 is proved better on right (+18.5 points [+" in Tags(text).text
    assert "right" in text
    assert "speed" in text
    assert "0.93" in text or kind == "junit"
    assert "0.0123" in text


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_was_run_is_a_report_too(kind: str) -> None:
    assert made(kind, [])


@pytest.mark.parametrize("kind", KINDS)
def test_control_characters_never_reach_a_report(kind: str) -> None:
    text = made(kind, [view(hostile=True)])
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u202a-\u202e]", text)
    text.encode("utf-8")


@pytest.mark.parametrize("alone", [False, True])
def test_what_a_model_says_is_no_markup_in_html(alone: bool) -> None:
    plain, hostile = (Tags(made("html", [view(hostile=h, alone=alone)])) for h in (False, True))
    assert hostile.names.count("script") == 1
    assert "img" not in hostile.names
    assert set(hostile.names) <= set(plain.names) | {"ins", "del"}
    assert not [name for name, _ in hostile.attributes if name.startswith("on")]
    assert alone or "<img src=x onerror=alert(1)>" in hostile.text


def test_a_page_needs_nothing_from_anywhere_else() -> None:
    tags = Tags(made("html", [view()]))
    assert not [value for name, value in tags.attributes if name in ("src", "href", "action")]
    policy = dict(tags.attributes)["content"]
    assert "default-src 'none'" in str([v for n, v in tags.attributes if n == "content"])
    assert policy is not None


def test_what_a_model_says_is_no_markup_in_markdown() -> None:
    text = made("markdown", [view(hostile=True)])
    outside = re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)
    assert set(re.findall(r"</?(\w+)", outside)) == {"details", "summary", "sub"}
    assert "@everyone" not in outside
    assert "](" not in outside
    assert "http://" not in outside
    inside = "".join(re.findall(r"<pre>(.*?)</pre>", text, flags=re.DOTALL))
    assert inside
    assert "<" not in inside
    assert outside.count("<details>") == outside.count("</details>")


def test_markdown_stays_below_what_a_comment_may_have() -> None:
    one = view()
    long = [msgspec.structs.replace(r, output="word " * 5_000) for r in one.results]
    big = msgspec.structs.replace(one, results=long)
    for views in ([big], [big, big, big]):
        text = made("markdown", views)
        assert len(text) <= MOST_CHARACTERS
        assert text.count("<details>") == text.count("</details>")
        assert text.count("<pre>") == text.count("</pre>")
        assert re.search(r"and \d+ more", text)


def test_markdown_folds_the_cases_of_both_ways_and_the_unscored_with_reasons() -> None:
    text = made("markdown", [view()])
    assert "<summary>Worse: 10 cases</summary>" in text
    assert "<summary>Better: 14 cases</summary>" in text
    assert "<summary>Not scored: 6 cases</summary>" in text
    assert "the judge said nothing" in text
    assert "HTTP 500" in text
    assert "| detectable |" in text


def test_what_is_said_of_a_slice_is_folded_below_its_value() -> None:
    page = made("html", [view()])
    tables = page.split('<table class="slices">')[1:]
    assert len(tables) == 2
    for table in tables:
        rows = table.partition("</table>")[0]
        assert "<small>with failures as the worst" in rows
        assert "; with failures" not in rows


def test_the_page_can_show_regressions_only() -> None:
    tags = Tags(made("html", [view()]))
    kinds = [value for name, value in tags.attributes if name == "data-kind"]
    assert kinds.count("regression") == 4
    assert kinds.count("lost") == 6
    assert "Regressions only 10" in tags.text
    assert ("data-kinds", "regression lost") in tags.attributes


class TestJUnit:
    def suite(self, one: View) -> ElementTree.Element:
        root = ElementTree.fromstring(made("junit", [one]))
        assert root.tag == "testsuites"
        suite = root.find("testsuite")
        assert suite is not None
        for element in (root, suite):
            cases = root.findall(".//testcase")
            assert int(element.get("tests", "")) == len(cases)
            assert int(element.get("failures", "")) == len(root.findall(".//failure"))
            assert int(element.get("errors", "")) == len(root.findall(".//error"))
        return suite

    def test_what_failed_and_what_could_not_be_judged_are_different_things(self) -> None:
        suite = self.suite(view())
        cases = {case.get("name"): case for case in suite.findall("testcase")}
        assert cases["e000"].find("failure") is not None
        assert cases["e010"].find("failure") is None
        assert cases["e010"].find("error") is None
        unscored, broken = cases["e055"].find("error"), cases["e059"].find("error")
        assert unscored is not None
        assert unscored.get("message") == "not scored: right"
        assert broken is not None
        assert "HTTP 500" in (broken.get("message") or "")
        assert len(cases) == 60 + 1

    def test_every_gate_rule_is_a_case_whose_name_stays(self) -> None:
        suite = self.suite(view())
        (gate,) = [c for c in suite.findall("testcase") if c.get("classname") == "docs.gate"]
        assert gate.get("name") == "gate: right"

    def test_properties_say_how_it_was_made(self) -> None:
        suite = self.suite(view())
        given = {p.get("name"): p.get("value") for p in suite.findall("properties/property")}
        assert given["seed"] == "7"
        assert given["dataset_digest"] == "d"
        assert given["cost_usd"] == "0.0123"
        assert given["baseline"] == "1"

    def test_hostile_text_stays_one_well_formed_document(self) -> None:
        suite = self.suite(view(hostile=True))
        assert suite.find(".//script") is None
        assert "<script>alert(1)</script>" in "".join(suite.itertext())

    def test_a_row_that_was_not_reached_is_an_error(self) -> None:
        one = view(status="interrupted", error="stopped")
        suite = self.suite(msgspec.structs.replace(one, results=one.results[:-1]))
        errors = [error.get("message") for error in suite.findall(".//error")]
        assert "not reached" in errors


def test_a_terminal_gets_changed_cases_only_where_it_asks() -> None:
    one = view()
    assert "e000: worse" not in reports.terminal([one])
    both = reports.terminal([one], examples=100)
    assert "e000: worse" in both
    assert "e045: better" in both
    only = reports.terminal([one], examples=2, regressions=True)
    assert "e045: better" not in only
    assert "and 8 more" in only


@pytest.mark.parametrize("value", [None, "text", 3, [1, 2], {"a": [None]}, "", "x" * 100_000, []])
def test_every_kind_of_answer_can_be_shown(value: Any) -> None:
    one = view()
    changed = [msgspec.structs.replace(r, output=value) for r in one.results]
    other = msgspec.structs.replace(one, results=changed)
    for kind in KINDS:
        assert made(kind, [other])


def test_escapes_keep_what_is_harmless() -> None:
    for text in ("Zoë", "👩‍👩‍👧", "日本語", "a\tb\nc", "1 + 1 = 2 (really)"):
        assert visible(text) == text
    assert in_markdown("see f(x) = 2") == "see f(x) = 2"
    assert in_html(json.dumps({"a": "<"})) == "{&quot;a&quot;: &quot;&lt;&quot;}"
