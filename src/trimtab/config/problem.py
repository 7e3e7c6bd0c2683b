"""What is wrong with a configuration: one record per problem, all of them in one error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from trimtab.config.tree import Place
from trimtab.errors import ConfigError


class Problem(NamedTuple):
    """One thing to correct: where it is, what was expected, and what to do.

    `got` is None where showing it could show a secret.
    """

    what: str
    place: Place
    key: str
    fix: str = ""
    got: str | None = None
    allowed: str | None = None

    @property
    def sentence(self) -> str:
        return f"{self.what}, got {self.got}" if self.got is not None else self.what

    def fields(self) -> dict[str, Any]:
        return {
            "file": self.place.source,
            "line": self.place.line,
            "column": self.place.column,
            "key": self.key,
            "got": self.got,
            "allowed": self.allowed,
            "what": self.what,
            "fix": self.fix,
        }


def config_error(problems: Sequence[Problem]) -> ConfigError:
    """One error for one or more problems; `fields["problems"]` lists them all, in file order."""
    ordered = sorted(
        problems, key=lambda one: (one.place.source, one.place.line or 0, one.place.column or 0)
    )
    first = ordered[0]
    listed = [problem.fields() for problem in ordered]
    if len(ordered) == 1:
        about = {name: value for name, value in listed[0].items() if name not in ("what", "fix")}
        return ConfigError(
            first.sentence, where=str(first.place), fix=first.fix or None, problems=listed, **about
        )
    lines = "".join(
        f"\n  {one.place}: {one.sentence}" + (f"; {one.fix}" if one.fix else "") for one in ordered
    )
    return ConfigError(
        f"{len(ordered)} problems in the configuration:{lines}",
        fix="correct each of them, then run: trimtab config check",
        problems=listed,
    )
