"""A report as Markdown, for a comment on a pull request: the verdict first, the evidence folded.

What models said stands in `<pre>` or with every active character as an entity, so that it is text
and nothing else. It stays below the length that GitHub takes for a comment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trimtab.experiments import findings
from trimtab.experiments.examples import Change
from trimtab.experiments.reports import summary
from trimtab.experiments.reports.escapes import cut, in_html, in_markdown, one_line
from trimtab.experiments.reports.summary import KINDS, SIGNS, Unscored
from trimtab.experiments.reports.view import View
from trimtab.experiments.slices import Sliced
from trimtab.records.record import Json

# GitHub refuses a comment of more than 65,536 characters.
MOST_CHARACTERS = 60_000
_ANSWER_CHARACTERS = 1_500
_REASON_CHARACTERS = 300
_NAMED = 5
_MOST_GROUPS = 20
_SHARE = 0.7


def markdown(views: Sequence[View], *, most: int = MOST_CHARACTERS) -> str:
    """The report of one or more runs.

    Args:
        most: characters; changed cases are left out to stay below, and what is left is counted.
    """
    if not views:
        return "## Trimtab\n\nNothing was run.\n"
    each = most // len(views)
    return "\n".join(_view(view, each) for view in views)[:most]


def _view(view: View, most: int) -> str:
    said = summary.outcome(view)
    title = f"## {SIGNS.get(said, '·')} {in_markdown(view.run.name)}: {said}"
    parts = [title, "", in_markdown(summary.headline(view)), "", *_table(view), "", *_facts(view)]
    parts += [*(f"- {in_markdown(note)}" for note in summary.notes(view)), ""]
    verdict = view.run.verdict
    if verdict is not None:
        pairs = zip(verdict.outcomes or ("",) * len(verdict.reasons), verdict.reasons, strict=False)
        lines = [f"- {SIGNS.get(word, '')} {in_markdown(why)}".rstrip() for word, why in pairs]
        parts += _folded("What gates", "\n".join(lines))
    for each in view.slices:
        parts += _slice(each)
    parts += _unscored(summary.unscored(view))
    text = "\n".join(parts)
    room = max(0, min(int(_SHARE * most), most - len(text)))
    return text + _changes(summary.changed(view), room) + "\n"


def _table(view: View) -> Iterator[str]:
    names: Sequence[str] = (
        "metric",
        "baseline",
        "candidate",
        "difference",
        "cases",
        "coverage",
        "detectable",
        "",
    )
    if view.baseline is None:
        names = ("metric", "value", "cases", "coverage")
    yield "| " + " | ".join(names) + " |"
    yield "|" + "|".join(["---", *["--:"] * (len(names) - 1)]) + "|"
    for line in summary.lines(view):
        name = f"**{in_markdown(line.metric)}**" if line.says != "reported" else None
        cells = [name or in_markdown(line.metric), line.candidate, line.cases, line.coverage]
        if view.baseline is not None:
            mark = SIGNS.get(line.says, "")
            cells = [cells[0], line.baseline, line.candidate, line.difference, line.cases]
            cells += [line.coverage, line.detectable, mark]
        yield "| " + " | ".join(cells) + " |"


def _facts(view: View) -> Iterator[str]:
    yield " · ".join(f"{name} {in_markdown(text)}" for name, text in summary.facts(view))
    if view.baseline is not None:
        yield ""
        yield (
            "<sub>Intervals are at 95 %. Detectable is the smallest true difference that these"
            " pairs would have shown with 80 % power. Bold metrics gate.</sub>"
        )
    if view.url:
        yield ""
        yield f"<sub>{in_markdown(view.url)}, run {in_markdown(view.run.run_id)}</sub>"
    yield ""


def _slice(each: Sliced) -> list[str]:
    rows = ["| group | value | difference | scored | p, adjusted |", "|---|--:|--:|--:|--:|"]
    for group in each.groups[:_MOST_GROUPS]:
        name = in_markdown(cut(group.key, 80)) + (" (small)" if group.small else "")
        value = summary.group_value(group)
        moved = summary.group_change(group) or "-"
        scored = f"{group.estimate.n}/{group.estimate.total}"
        p_value = in_markdown(findings.p_value(group.p_adjusted))
        rows.append(f"| {name} | {value} | {moved} | {scored} | {p_value} |")
    left = each.more + max(0, len(each.groups) - _MOST_GROUPS)
    if left:
        rows.append(f"| and {left:,} more | | | | |")
    body = "\n".join(rows)
    if each.gap is not None:
        body = f"{SIGNS[each.gap.outcome]} {in_markdown(each.gap.reason)}\n\n{body}"
    return _folded(f"{in_html(each.metric)} by {in_html(each.by)}", body)


def _unscored(found: Sequence[Unscored]) -> list[str]:
    if not found:
        return []
    lines = [
        f"- {in_markdown(one.metric)}, {one.status}, {summary.cases(len(one.examples))}:"
        f" {in_markdown(cut(one.reason, _REASON_CHARACTERS))}"
        f" ({in_markdown(summary.named(one.examples, _NAMED))})"
        for one in found[:20]
    ]
    if len(found) > 20:
        lines.append(f"- and {len(found) - 20:,} more reasons")
    count = len({example for one in found for example in one.examples})
    return _folded(f"Not scored: {summary.cases(count)}", "\n".join(lines))


def _changes(found: Sequence[Change], most: int) -> str:
    """Both ways, losses first, as many as there is room for."""
    if not found:
        return ""
    worse = [change for change in found if change.is_regression]
    better = [change for change in found if change.kind in ("improvement", "found")]
    rest = [change for change in found if change not in worse and change not in better]
    parts = []
    for title, some in (("Worse", worse), ("Better", better), ("Otherwise changed", rest)):
        if some:
            text = _some(some, most // 2)
            most -= len(text)
            parts += _folded(f"{title}: {summary.cases(len(some))}", text)
    return "\n".join(parts)


def _some(found: Sequence[Change], room: int) -> str:
    texts: list[str] = []
    for place, change in enumerate(found):
        text = _change(change)
        room -= len(text)
        if room < 0:
            texts.append(f"and {len(found) - place:,} more")
            break
        texts.append(text)
    return "\n".join(texts)


def _change(change: Change) -> str:
    title = f"{cut(summary.case_name(change), 100)}: {KINDS[change.kind]}"
    moved = summary.shift_text(change)
    return "\n".join(
        [
            f"**{in_markdown(title)}** {in_markdown(cut(moved, 300))}",
            "",
            "<pre>",
            *_spoken("input   ", summary.shown(change.input), _ANSWER_CHARACTERS // 3),
            *_spoken("expected", summary.shown(change.expected), _ANSWER_CHARACTERS // 3),
            *_spoken("before  ", _answer(change.before, change.before_error), _ANSWER_CHARACTERS),
            *_spoken("after   ", _answer(change.after, change.after_error), _ANSWER_CHARACTERS),
            "</pre>",
            "",
        ]
    )


def _answer(answer: Json, error: str | None) -> str:
    return f"failed: {error}" if error is not None else summary.shown(answer)


def _spoken(name: str, text: str, most: int) -> list[str]:
    return [f"{name} {in_html(cut(text, most))}"] if text else []


def _folded(title: str, body: str) -> list[str]:
    return ["<details>", f"<summary>{one_line(title)}</summary>", "", body, "", "</details>", ""]
