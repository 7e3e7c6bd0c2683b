"""A report as one HTML file: no other file, nothing from the network, readable on a phone.

Whatever a model or a user said is escaped, and a content security policy lets nothing run but the
page's own few lines.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from trimtab.experiments import findings
from trimtab.experiments.examples import Change
from trimtab.experiments.reports import plot, summary
from trimtab.experiments.reports.escapes import cut, in_html
from trimtab.experiments.reports.summary import KINDS, SIGNS, Line
from trimtab.experiments.reports.view import View
from trimtab.experiments.reports.wordwise import marked
from trimtab.experiments.slices import Sliced
from trimtab.records import Comparison
from trimtab.records.record import Json

_MOST_CASES = 500
_ANSWER_CHARACTERS = 6_000
_NAMED = 8
_FILTERS = (
    ("All changed", "all"),
    ("Regressions only", "regression lost"),
    ("Improvements", "improvement found"),
    ("Other", "mixed answer"),
)


def html(views: Sequence[View]) -> str:
    """The report of one or more runs."""
    style, script = _file("report.css"), _file("report.js")
    title = ", ".join(dict.fromkeys(view.run.name for view in views)) or "nothing was run"
    body = "".join(map(_view, views)) or '<p class="card">Nothing was run.</p>'
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{in_html(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{in_html(title)}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _view(view: View) -> str:
    parts = [
        _verdict(view),
        _card("Metrics", _metrics(view)),
        _card("What gates", _reasons(view)),
        _card("Changed cases", _cases(summary.changed(view))),
        *(_card(f"{each.metric} by {each.by}", _slice(each)) for each in view.slices),
        _card("Not scored", _unscored(view)),
        _card("About this run", _facts(view)),
        _footer(view),
    ]
    return f'<section class="run">{"".join(parts)}</section>\n'


def _card(title: str, body: str) -> str:
    return f'<div class="card"><h2>{in_html(title)}</h2>{body}</div>\n' if body else ""


def _verdict(view: View) -> str:
    said = summary.outcome(view)
    return (
        f'<div class="card verdict {said}"><header>{_pill(said, said)}'
        f"<h1>{in_html(view.run.name)}</h1></header>"
        f'<p class="said">{in_html(summary.headline(view))}</p></div>\n'
    )


def _pill(kind: str, text: str) -> str:
    sign = f"{SIGNS[kind]} " if kind in SIGNS else ""
    return f'<span class="pill {kind}">{sign}{in_html(text)}</span>'


# -- metrics ---------------------------------------------------------------------------------------


def _metrics(view: View) -> str:
    lines = summary.lines(view)
    if not lines:
        return ""
    drawn = _drawings(view)
    heads: Sequence[str] = ("Metric", "Value", "", "Cases")
    if view.baseline is not None:
        heads = ("Metric", "Baseline", "Candidate", "Difference", "", "Cases")
    head = "".join(f"<th>{name}</th>" for name in heads)
    rows = "".join(f"<tr>{''.join(_cells(view, line, drawn))}</tr>" for line in lines)
    return (
        f'<div class="scroll"><table class="metrics"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cells(view: View, line: Line, drawn: dict[str, str]) -> Iterator[str]:
    pill = "" if line.says == "reported" else f" {_pill(line.says, line.says)}"
    yield f'<td class="name">{in_html(line.metric)}{pill}</td>'
    picture = f'<td class="draw">{drawn.get(line.metric, "")}</td>'
    if view.baseline is None:
        yield f"<td>{_stacked(line.candidate)}</td>{picture}"
    else:
        yield f'<td class="soft" data-name="baseline">{_stacked(line.baseline)}</td>'
        yield f'<td data-name="candidate">{_stacked(line.candidate)}</td>'
        yield f'<td data-name="difference">{_stacked(line.difference)}</td>{picture}'
    seen = "" if line.detectable == "-" else f"<small>sees {line.detectable}</small>"
    yield f'<td class="soft cases">{line.cases} <small>{line.coverage} scored</small> {seen}</td>'


def _stacked(text: str) -> str:
    """A value above its interval."""
    value, bracket, interval = text.partition(" [")
    return f"<b>{value}</b> <small>[{interval}</small>" if bracket else f"<b>{value}</b>"


def _folded(text: str) -> str:
    """A value above its interval, and below them what else is said of it."""
    head, _, more = text.partition("; ")
    return f"{_stacked(head)}<small>{more}</small>" if more else _stacked(head)


def _drawings(view: View) -> dict[str, str]:
    """Differences in points share a scale; every other metric has its own unit."""
    alone = {
        name: plot.value(own) for name, own in view.run.metrics.items() if summary.is_share(own)
    }
    shares = [each for each in view.comparisons if findings.in_points(each)]
    together = plot.around_zero(shares)

    def scale(each: Comparison) -> plot.Scale:
        return together if each in shares else plot.around_zero([each])

    compared = {each.metric: plot.difference(each, scale(each)) for each in view.comparisons}
    return (alone if view.baseline is None else {}) | compared


def _reasons(view: View) -> str:
    verdict = view.run.verdict
    if verdict is None:
        return ""
    words = verdict.outcomes or (verdict.outcome,) * len(verdict.reasons)
    items = "".join(
        f"<li>{_pill(word, word)}<span>{in_html(why)}</span></li>"
        for word, why in zip(words, verdict.reasons, strict=False)
    )
    return f'<ul class="reasons">{items}</ul>'


def _slice(each: Sliced) -> str:
    rows = []
    for group in each.groups:
        estimate = group.estimate
        share = summary.is_share(estimate)
        kind = ' class="small"' if group.small else ""
        name = in_html(cut(group.key, 120)) + (" (small)" if group.small else "")
        difference = _folded(summary.group_change(group) or "")
        rows.append(
            f'<tr{kind}><td class="name">{name}</td>'
            f"<td>{_folded(summary.group_value(group))}</td>"
            f"<td>{plot.value(estimate) if share else ''}</td>"
            f"<td>{difference}</td>"
            f'<td class="soft">{estimate.n}/{estimate.total}</td>'
            f'<td class="soft">{in_html(findings.p_value(group.p_adjusted))}</td></tr>'
        )
    if each.more:
        rows.append(f'<tr><td class="soft" colspan="6">and {each.more:,} smaller groups</td></tr>')
    heads = ("Group", "Value", "", "Difference", "Scored", "p, adjusted")
    head = "".join(f"<th>{name}</th>" for name in heads)
    gap = ""
    if each.gap is not None:
        word = each.gap.outcome
        gap = (
            f'<ul class="reasons"><li>{_pill(word, word)}'
            f"<span>{in_html(each.gap.reason)}</span></li></ul>"
        )
    table = f"<tr>{head}</tr>{''.join(rows)}"
    return f'{gap}<div class="scroll"><table class="slices">{table}</table></div>'


# -- cases -----------------------------------------------------------------------------------------


def _cases(found: Sequence[Change]) -> str:
    if not found:
        return ""
    buttons = "".join(
        f'<button type="button" data-kinds="{kinds}" aria-pressed="{str(kinds == "all").lower()}">'
        f"{name} {_count(found, kinds)}</button>"
        for name, kinds in _FILTERS
        if kinds == "all" or _count(found, kinds)
    )
    more = len(found) - _MOST_CASES
    left = f'<p class="soft">and {more:,} more, which are not in this file</p>' if more > 0 else ""
    return (
        f'<div data-cases><div class="filters">{buttons}'
        '<input type="search" placeholder="Find in cases" aria-label="Find in cases"></div>'
        f"{''.join(map(_case, found[:_MOST_CASES]))}"
        f'<p class="none" hidden>No case fits.</p>{left}</div>'
    )


def _count(found: Sequence[Change], kinds: str) -> int:
    return sum(kinds == "all" or change.kind in kinds.split() for change in found)


def _case(change: Change) -> str:
    before = _answer(change.before, change.before_error)
    after = _answer(change.after, change.after_error)
    old, new = marked(before, after)
    sides = "".join(
        f"<div><h3>{name}</h3><pre{' class=error' if failed else ''}>{text}</pre></div>"
        for name, text, failed in (
            ("Before", old, change.before_error is not None),
            ("After", new, change.after_error is not None),
        )
    )
    about = "".join(
        f"<h3>{name}</h3><pre>{in_html(cut(text, _ANSWER_CHARACTERS))}</pre>"
        for name, text in (
            ("Input", summary.shown(change.input)),
            ("Expected", summary.shown(change.expected)),
        )
        if text
    )
    return (
        f'<details class="case" data-kind="{change.kind}"><summary>'
        f"{_pill(change.kind, KINDS[change.kind])}"
        f'<span class="id">{in_html(cut(summary.case_name(change), 120))}</span>'
        f'<span class="moved">{in_html(summary.shift_text(change))}</span></summary>'
        f'<div class="body">{about}<div class="pair">{sides}</div></div></details>\n'
    )


def _answer(answer: Json, error: str | None) -> str:
    text = f"failed: {error}" if error is not None else summary.shown(answer)
    return cut(text, _ANSWER_CHARACTERS)


# -- the rest --------------------------------------------------------------------------------------


def _unscored(view: View) -> str:
    items = "".join(
        f"<li>{_pill('inconclusive', f'{len(one.examples):,}')}<span>"
        f"<b>{in_html(one.metric)}</b> {one.status}: {in_html(cut(one.reason, 500))}"
        f' <span class="soft">({in_html(summary.named(one.examples, _NAMED))})</span></span></li>'
        for one in summary.unscored(view)
    )
    return f'<ul class="reasons">{items}</ul>' if items else ""


def _facts(view: View) -> str:
    items = "".join(
        f"<div><dt>{in_html(name)}</dt><dd>{in_html(text)}</dd></div>"
        for name, text in summary.facts(view)
    )
    notes = "".join(f"<li>{in_html(note)}</li>" for note in summary.notes(view))
    return f'<dl class="facts">{items}</dl>' + (f'<ul class="notes">{notes}</ul>' if notes else "")


def _footer(view: View) -> str:
    where = f" This run is at {in_html(view.url)}." if view.url else ""
    return (
        "<footer>Brackets are intervals at 95 %. What the cases see is the smallest true difference"
        " that they would have shown with 80 % power. The dashed line is the tolerated loss."
        f"{where}</footer>\n"
    )
