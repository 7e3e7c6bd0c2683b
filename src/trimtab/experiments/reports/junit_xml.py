"""A report as JUnit XML: a test case for each example of each run, and one for each gate rule.

What did not pass is a `failure`; what could not be scored, or is not decided, is an `error`, which
is another thing. Follows the schema that Jenkins, GitLab and GitHub's readers share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from trimtab.experiments.reports import summary
from trimtab.experiments.reports.escapes import cut, in_html, one_line
from trimtab.experiments.reports.view import View
from trimtab.kit.clock import NS_PER_S
from trimtab.records import Result, Score

_MOST = 4_000


def junit(views: Sequence[View]) -> str:
    """The report of one or more runs; a suite each."""
    suites = [_Suite(view) for view in views]
    counts = _counts([sum(each.tests) for each in suites], suites)
    body = "".join(each.text() for each in suites)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name="trimtab" {counts}>\n{body}</testsuites>\n'
    )


class _Suite:
    """One run, with its cases counted."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._cases = [*_examples(view), *_rules(view)]
        self.failures = sum("<failure" in case for case in self._cases)
        self.errors = sum("<error" in case for case in self._cases)
        self.tests = [1] * len(self._cases)

    def text(self) -> str:
        run = self._view.run
        started = datetime.fromtimestamp(run.started_ns / NS_PER_S, UTC)
        taken_s = ((run.ended_ns or run.started_ns) - run.started_ns) / NS_PER_S
        attributes = (
            f'name="{_attribute(run.name)}" {_counts([len(self._cases)], [self])} skipped="0"'
            f' time="{taken_s:.3f}" timestamp="{started:%Y-%m-%dT%H:%M:%S}" hostname="trimtab"'
        )
        given = "".join(
            f'      <property name="{_attribute(name)}" value="{_attribute(value)}"/>\n'
            for name, value in _properties(self._view)
        )
        properties = f"    <properties>\n{given}    </properties>\n"
        out = f"    <system-out>{in_html(summary.headline(self._view))}</system-out>\n"
        return (
            f"  <testsuite {attributes}>\n{properties}{''.join(self._cases)}{out}  </testsuite>\n"
        )


def _counts(tests: Sequence[int], suites: Sequence[_Suite]) -> str:
    failures, errors = sum(one.failures for one in suites), sum(one.errors for one in suites)
    return f'tests="{sum(tests)}" failures="{failures}" errors="{errors}"'


def _properties(view: View) -> Iterator[tuple[str, str]]:
    run = view.run
    yield "run", run.run_id
    yield "status", run.status
    yield "task", run.task
    yield "task_digest", run.task_digest
    yield "dataset", run.dataset
    yield "dataset_digest", run.dataset_digest
    yield "suite_digest", run.suite_digest
    for scorer in run.scorers:
        yield f"scorer.{scorer.name}", scorer.digest or scorer.version
    yield "seed", "none" if run.seed is None else str(run.seed)
    yield "cost_usd", "unpriced" if run.cost_usd is None else f"{run.cost_usd:f}"
    if view.baseline is not None:
        yield "baseline", view.baseline.run_id
    if run.commit:
        yield "commit", run.commit
    for name, own in sorted(run.metrics.items()):
        yield f"metric.{name}", summary.value_text(own)


# -- cases -----------------------------------------------------------------------------------------


def _examples(view: View) -> Iterator[str]:
    by_example: dict[str, list[Result]] = {row.example_id: [] for row in view.examples}
    for result in view.results:
        by_example.setdefault(result.example_id, []).append(result)
    for example_id, results in by_example.items():
        taken_ms = sum(result.latency_ms or 0.0 for result in results)
        yield _case(example_id, view.run.name, taken_ms / 1000, _said(results))


def _said(results: Sequence[Result]) -> str:
    """What is wrong with a case: one element, or none."""
    if not results:
        return _element("error", "not reached", "", "unscored")
    errors = [f"the task failed: {result.error}" for result in results if result.error is not None]
    judged = [score for result in results if result.error is None for score in result.scores]
    failed = [score for score in judged if score.status == "scored" and score.passed is False]
    missing = [score for score in judged if score.status != "scored" and not _abstained(score)]
    if failed:
        text = "\n".join(_reason(score) for score in failed)
        names = ", ".join(dict.fromkeys(score.name for score in failed))
        return _element("failure", f"did not pass: {names}", text + _answers(results), "failed")
    if errors:
        return _element("error", errors[0], "\n".join(errors), "error")
    if missing:
        text = "\n".join(_reason(score) for score in missing)
        names = ", ".join(dict.fromkeys(score.name for score in missing))
        return _element("error", f"not scored: {names}", text, missing[0].status)
    return ""


def _abstained(score: Score) -> bool:
    return score.status == "unscored" and score.reason == "abstained"


def _reason(score: Score) -> str:
    return f"{score.name}: {score.reason or ('not passed' if score.passed is False else '')}"


def _answers(results: Sequence[Result]) -> str:
    return "".join(f"\nanswer: {summary.shown(result.output)}" for result in results)


def _rules(view: View) -> Iterator[str]:
    verdict = view.run.verdict
    if verdict is None:
        return
    for word, why in zip(verdict.outcomes, verdict.reasons, strict=False):
        said = ""
        if word != "pass":
            kind = "failure" if word == "fail" else "error"
            said = _element(kind, why, why, word)
        # Reasons hold numbers, which change; a name must be the same in the next run.
        name = f"gate: {why.partition(':')[0]}"
        yield _case(name, f"{view.run.name}.gate", 0.0, said)


def _case(name: str, classname: str, taken_s: float, said: str) -> str:
    attributes = f'name="{_attribute(name)}" classname="{_attribute(classname)}"'
    head = f'    <testcase {attributes} time="{taken_s:.3f}"'
    return f"{head}>\n{said}    </testcase>\n" if said else f"{head}/>\n"


def _element(tag: str, message: str, text: str, kind: str) -> str:
    shown = in_html(cut(text, _MOST))
    return f'      <{tag} message="{_attribute(message)}" type="{kind}">{shown}</{tag}>\n'


def _attribute(text: str) -> str:
    line = one_line(text)
    if len(line) > 500:
        # Names must stay apart when they are cut.
        line = f"{line[:480]}… {hashlib.sha256(line.encode()).hexdigest()[:8]}"
    return in_html(line)
