"""A filter on the command line: words that are put together, and what a leading minus means."""

from __future__ import annotations

import re

import click

_EXCLUDES = re.compile(r'-(?=[("]|[A-Za-z_][\w.]+(?:[:=<>~]|!=))')


class FilterCommand(click.Command):
    """A command with a filter in its arguments: `-user:u7` is part of it, and no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [_EXCLUDES.sub("NOT ", arg, count=1) for arg in args])


def joined(words: tuple[str, ...]) -> str | None:
    """The filter that the words of a command line make; None without one.

    >>> joined(("status:error", "since:24h"))
    'status:error since:24h'
    """
    return " ".join(words) or None
