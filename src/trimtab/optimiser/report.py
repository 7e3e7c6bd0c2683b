"""What came of a job as text, Markdown and one HTML file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trimtab.experiments.reports.escapes import in_html, in_markdown, visible
from trimtab.optimiser.result import Found, Tried
from trimtab.records import Comparison

_HEADINGS = ("candidate", "rows", "score", "to beat", "what became of it")
_DETAILS = ("metric", "before", "after", "difference", "interval", "rows", "p")
_MOST_DISCARDED = 20


def text(found: Found, table: Callable[[Sequence[Sequence[object]], Sequence[str]], str]) -> str:
    """For a terminal.

    Args:
        table: makes aligned text of rows and headings.
    """
    parts = [headline(found)]
    if found.comparisons:
        parts.append(table([_numbers(one) for one in found.comparisons], _DETAILS))
    if found.tried:
        parts.append(table([_row(one) for one in found.tried], _HEADINGS))
    if found.difference:
        parts.append(visible(found.difference))
    parts.append("\n".join(_facts(found)))
    return "\n\n".join(parts)


def headline(found: Found) -> str:
    """What came of it, in a sentence and its reasons."""
    if found.promoted:
        where = f", stored as {found.stored}" if found.stored else ""
        said = f"{found.prompt}: promoted: {found.winner} is proved better{where}"
    else:
        said = f"{found.prompt}: not promoted ({found.outcome}); nothing was stored"
    return "\n".join([said, *(f"  {reason}" for reason in found.reasons)])


def markdown(found: Found) -> str:
    """A report in Markdown."""
    said, *reasons = headline(found).splitlines()
    parts = [f"# {in_markdown(said)}"]
    parts.append("\n".join(f"- {in_markdown(reason)}" for reason in reasons))
    if found.comparisons:
        rows = [_numbers(one) for one in found.comparisons]
        parts += ["## On the test split", _pipes(rows, _DETAILS)]
    if found.difference:
        fence = "`" * (_longest_run(found.difference) + 3)
        parts += ["## Difference", f"{fence}diff\n{visible(found.difference)}\n{fence}"]
    if found.tried:
        parts += ["## What was tried", _pipes([_row(one) for one in found.tried], _HEADINGS)]
    if found.discarded:
        shown = [(one.words, one.why) for one in found.discarded[:_MOST_DISCARDED]]
        parts += ["## Discarded without a call", _pipes(shown, ("text", "why"))]
    parts += ["## Facts", "\n".join(f"- {in_markdown(fact)}" for fact in _facts(found))]
    return "\n\n".join(filter(None, parts)) + "\n"


def html(found: Found) -> str:
    """A report as one file that loads nothing and runs nothing."""
    said, *reasons = headline(found).splitlines()
    parts = [f"<h1>{in_html(said)}</h1>", _listed(reasons)]
    if found.comparisons:
        rows = [_numbers(one) for one in found.comparisons]
        parts += ["<h2>On the test split</h2>", _grid(rows, _DETAILS)]
    if found.difference:
        parts += ["<h2>Difference</h2>", f"<pre>{in_html(found.difference)}</pre>"]
    if found.tried:
        parts += ["<h2>What was tried</h2>", _grid([_row(one) for one in found.tried], _HEADINGS)]
    if found.discarded:
        shown = [(one.words, one.why) for one in found.discarded[:_MOST_DISCARDED]]
        parts += ["<h2>Discarded without a call</h2>", _grid(shown, ("text", "why"))]
    parts += ["<h2>Facts</h2>", _listed(_facts(found))]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{in_html(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{in_html(found.prompt)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(parts)}\n</main>\n</body>\n</html>\n"
    )


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#222;background:#fff}"
    "main{max-width:60rem;margin:0 auto;padding:1.5rem}h1{font-size:1.4rem}h2{font-size:1.1rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left}"
    "pre{background:#f5f5f5;padding:1rem;overflow-x:auto}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#222}}"
)


def _facts(found: Found) -> list[str]:
    """What it took and what is to be known of it, a sentence each."""
    taken = found.taken
    cost = f"${taken.usd:.4f}" if taken.usd or not taken.unpriced else "unpriced"
    if taken.unpriced and taken.usd:
        cost = f"{cost} and {taken.unpriced} calls without a price"
    splits = ", ".join(f"{name} {count}" for name, count in found.rows.items())
    spent = f"{taken.calls} calls, {cost}, {taken.seconds / 60:.1f} minutes"
    facts = [
        f"taken: {spent} (of {found.caps.text})",
        f"rows: {splits}",
        f"job: {found.job}",
    ]
    if found.discarded:
        facts.append(f"{len(found.discarded)} proposals were discarded without a call")
    if not found.finished:
        facts.append("it is not finished: more of a budget and --resume carry on")
    return [*facts, *found.notes]


def _numbers(one: Comparison) -> tuple[object, ...]:
    both = one.difference
    interval = "-"
    if both.low is not None and both.high is not None:
        interval = f"{both.confidence:.0%} [{both.low:+.3f}, {both.high:+.3f}]"
    return (
        one.metric,
        _number(one.baseline.value),
        _number(one.candidate.value),
        "-" if both.value is None else f"{both.value:+.3f}",
        interval,
        f"{both.n}/{both.total}",
        "-" if one.p_value is None else f"{one.p_value:.2g}",
    )


def _row(one: Tried) -> tuple[object, ...]:
    return one.words, one.rows, _number(one.score), _number(one.before), one.fate


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _pipes(rows: Sequence[Sequence[object]], headings: Sequence[str]) -> str:
    lines = ["| " + " | ".join(headings) + " |", "|" + " --- |" * len(headings)]
    lines += ["| " + " | ".join(in_markdown(str(cell)) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _grid(rows: Sequence[Sequence[object]], headings: Sequence[str]) -> str:
    head = "".join(f"<th>{in_html(one)}</th>" for one in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{in_html(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _listed(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{in_html(line)}</li>" for line in lines) + "</ul>"


def _longest_run(text: str) -> int:
    """The most back quotes in a row."""
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest
