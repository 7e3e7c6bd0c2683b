"""`trimtab guard signals`: what there is to read texts with."""

from __future__ import annotations

import click

from trimtab.cli.output import emit, json_option, show_table


@click.command("signals")
@json_option
def command(as_json: bool) -> None:
    """List the signals: what each says, and on which scale.

    `risk` lies in [0, 1] and more is worse; `unit` lies there too and says how much of something
    there is; `number` has a unit of its own.
    """
    from trimtab.guards.listing import listing

    found = listing()
    if as_json:
        emit(found, as_json)
        return
    show_table(
        [
            [
                one.name,
                one.scale,
                one.threshold,
                "yes" if one.learned else None,
                ", ".join([*one.needs, *([f"setting {one.setting}"] if one.setting else [])])
                or None,
                one.version,
                one.summary,
            ]
            for one in found
        ],
        ["signal", "scale", "threshold", "learned", "needs", "version", "says"],
    )
