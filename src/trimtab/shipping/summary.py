"""A shipment as Markdown, for a pull request or the summary of a job."""

from __future__ import annotations

from trimtab.shipping.record import STAGES, Shipment, Stage


def markdown(shipment: Shipment) -> str:
    """What came of a shipment: the sentence first, then a row for each stage."""
    title = shipment.release or shipment.route
    found = {stage.name: stage for stage in shipment.stages}
    lines = [
        f"## Ship {title}",
        "",
        f"**{shipment.outcome or 'not done'}**: {_text(shipment.sentence)}",
        "",
        "| stage | status | what |",
        "|---|---|---|",
    ]
    for name in STAGES:
        stage = found.get(name)
        status, said = (stage.status, _text(stage.sentence)) if stage is not None else ("", "")
        lines.append(f"| {name} | {status} | {said} |")
    following = _following(list(shipment.stages))
    if following:
        lines += ["", "Next:", "", *(f"- `{command}`" for command in following)]
    return "\n".join([*lines, ""])


def _following(stages: list[Stage]) -> tuple[str, ...]:
    return next((stage.next for stage in reversed(stages) if stage.next), ())


def _text(sentence: str) -> str:
    """A sentence that stays in its cell and shows what it says.

    >>> _text("a | b <img>")
    'a \\\\| b &lt;img&gt;'
    """
    plain = " ".join(sentence.split()).replace("&", "&amp;").replace("<", "&lt;")
    return plain.replace(">", "&gt;").replace("|", "\\|")
