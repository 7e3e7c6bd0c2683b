"""`trimtab guard`: texts scanned, policies tried, calibrated and promoted."""

from __future__ import annotations

from importlib import import_module

import click

_COMMANDS = {
    "scan": "Read texts with every signal.",
    "signals": "List the signals.",
    "card": "Show how far a learned signal can be trusted.",
    "test": "Try a policy on cases whose outcome is known.",
    "calibrate": "Find the threshold of a false-positive rate, on your own texts.",
    "report": "Show what guards did, and what they would have done.",
    "events": "List the calls on which guards acted.",
    "policies": "List the policies of guards.",
    "promote": "Let a policy act, after a look at what it would have done.",
    "reviews": "List what waits for a human's decision, and decide.",
}


class _Group(click.Group):
    """Imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(f"trimtab.cli.guard.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        with formatter.section("Commands"):
            formatter.write_dl([(f"{name:<{width}}", text) for name, text in _COMMANDS.items()])


@click.group(cls=_Group)
def command() -> None:
    """Scan texts; try, calibrate and promote the policies of guards."""
