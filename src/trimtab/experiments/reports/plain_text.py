"""A report as text for a terminal: the verdict in words, a table, what changed. No colour codes."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.experiments import findings
from trimtab.experiments.examples import Change
from trimtab.experiments.reports import summary
from trimtab.experiments.reports.escapes import cut, one_line, visible
from trimtab.experiments.reports.summary import KINDS, SIGNS
from trimtab.experiments.reports.view import View
from trimtab.experiments.slices import Sliced

_ANSWER_CHARACTERS = 400
_NAMED = 3
_HEADS = (
    *("metric", "baseline", "candidate", "difference", "cases", "coverage", "detectable"),
    "gate",
)


def terminal(views: Sequence[View], *, examples: int = 0, regressions: bool = False) -> str:
    """The report of one or more runs.

    Args:
        examples: how many changed cases are shown of each.
        regressions: only those that got worse.
    """
    parts = [_view(view, examples, regressions=regressions) for view in views]
    return "\n\n".join(parts) or "nothing was run"


def _view(view: View, examples: int, *, regressions: bool) -> str:
    parts = [one_line(summary.headline(view)), "", metrics_table(view)]
    facts = summary.facts(view)
    width = max(len(name) for name, _ in facts)
    parts += ["", *(f"{name:<{width}}  {one_line(text)}" for name, text in facts)]
    parts += [f"note: {one_line(note)}" for note in summary.notes(view)]
    parts += ["", *verdict_lines(view)]
    parts += [slice_text(each) for each in view.slices]
    parts += unscored_lines(view)
    if view.baseline is not None and (examples or regressions):
        parts += ["", changes_text(summary.changed(view), examples, regressions=regressions)]
    return "\n".join(parts)


def unscored_lines(view: View) -> list[str]:
    """What has no score: metric, how many cases, the reason, and the first of them."""
    missing = summary.unscored(view)
    lines = [
        f"  {one.metric}, {summary.cases(len(one.examples))}: {one_line(cut(one.reason, 200))}"
        f" ({one_line(summary.named(one.examples, _NAMED))})"
        for one in missing
    ]
    return ["not scored:", *lines] if lines else []


def metrics_table(view: View) -> str:
    """Every metric with interval, coverage and what could have been seen."""
    rows = summary.lines(view)
    heads: Sequence[str] = _HEADS
    cells: list[Sequence[str]] = [line[:] for line in rows]
    if view.baseline is None:
        heads = ("metric", "value", "cases", "coverage")
        cells = [(line.metric, line.candidate, line.cases, line.coverage) for line in rows]
    return aligned([heads, *([one_line(cell) for cell in row] for row in cells)])


def verdict_lines(view: View) -> list[str]:
    """The gate's word, then each of its reasons with its own."""
    verdict = view.run.verdict
    if verdict is None:
        return []
    words = verdict.outcomes or ("",) * len(verdict.reasons)
    said = zip(words, verdict.reasons, strict=False)
    return [
        f"gate: {verdict.outcome}",
        *(f"  {SIGNS.get(word, ' ')} {one_line(reason)}" for word, reason in said),
    ]


def slice_text(each: Sliced) -> str:
    """One metric by groups."""
    title = f"{each.metric} by {each.by}"
    rows: list[Sequence[str]] = [(title, "value", "difference", "scored", "p, adjusted")]
    for group in each.groups:
        value = summary.group_value(group)
        small = " (small)" if group.small else ""
        scored = f"{group.estimate.n}/{group.estimate.total}{small}"
        moved = summary.group_change(group) or "-"
        p_value = findings.p_value(group.p_adjusted)
        rows.append((one_line(cut(group.key, 60)), value, moved, scored, p_value))
    text = aligned(rows)
    if each.more:
        text += f"\nand {each.more} smaller groups"
    if each.gap is not None:
        text += f"\n{SIGNS[each.gap.outcome]} {one_line(each.gap.reason)}"
    return text + "\n"


def changes_text(found: Sequence[Change], most: int, *, regressions: bool) -> str:
    """Changed cases with both answers."""
    worse = [change for change in found if change.is_regression]
    shown = worse if regressions else found
    said = f"{summary.cases(len(found))} changed, {len(worse):,} for the worse"
    parts = [said, *map(change_text, shown[:most])]
    if len(shown) > most:
        parts.append(f"and {len(shown) - most} more")
    return "\n".join(parts)


def change_text(change: Change) -> str:
    """One case with both answers."""
    lines = [f"\n{one_line(change.example_id)}: {KINDS[change.kind]}  {summary.shift_text(change)}"]
    for name, text in (
        ("input", summary.shown(change.input)),
        ("expected", summary.shown(change.expected)),
        ("before", change.before_error or summary.shown(change.before)),
        ("after", change.after_error or summary.shown(change.after)),
    ):
        if text:
            shown = visible(cut(text, _ANSWER_CHARACTERS)).replace("\n", "\n" + " " * 12)
            lines.append(f"  {name:<9} {shown}")
    return "\n".join(lines)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Cells under each other."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
