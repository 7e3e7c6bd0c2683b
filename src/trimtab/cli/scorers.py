"""`trimtab scorers`: what there is to judge with."""

from __future__ import annotations

import click

from trimtab.cli.output import emit, json_option, show_table
from trimtab.records.run import Tier
from trimtab.scorers.catalogue import ScorerInfo, catalogue, entry


@click.group()
def command() -> None:
    """List and explain the built-in scorers."""


@command.command("list")
@json_option
@click.option("--tier", type=click.Choice(["code", "model", "judge"]), help="Only of this tier.")
def listed(as_json: bool, tier: Tier | None) -> None:
    """List the built-in scorers."""
    show(catalogue(tier), as_json)


@command.command("show")
@json_option
@click.argument("name")
def shown(as_json: bool, name: str) -> None:
    """Explain one scorer: what it measures, needs and takes."""
    found = entry(name)
    emit(found, as_json, text=lambda: explained(found))


def show(found: list[ScorerInfo], as_json: bool) -> None:
    """A table of scorers, or a line of JSON for all of them."""
    if as_json:
        emit(found, as_json)
        return
    show_table(
        [[one.name, one.tier, ", ".join(one.needs) or None, one.summary] for one in found],
        ["name", "tier", "needs", "measures"],
    )


def explained(found: ScorerInfo) -> str:
    """A scorer in words."""
    direction = "more is better" if found.higher_is_better else "less is better"
    lines = [
        f"{found.name} (tier {found.tier}, version {found.version}, digest {found.digest[:12]})",
        "",
        found.description,
        "",
        f"scale: {found.scale}, {direction}",
        f"needs: {', '.join(found.needs) or 'nothing'}",
    ]
    if found.takes:
        lines.append(f"looks at, where it is there: {', '.join(found.takes)}")
    if found.resources:
        lines.append(f"works with: {', '.join(found.resources)}")
    if found.parameters:
        lines.append("parameters:")
        lines += [f"  {one.name}: {one.type} = {one.default}" for one in found.parameters]
    return "\n".join(lines)
