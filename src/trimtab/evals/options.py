"""What whoever asks for an evaluation says beside its suites, and where it happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from trimtab.client import Client
from trimtab.experiments.replies import Mode
from trimtab.experiments.rules import GateRule
from trimtab.records.run import RunTier

TIERS: tuple[RunTier, ...] = ("code", "fast", "full")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of an invocation; what is None is as the suite says.

    Args:
        tier: "code" applies only scorers of the tier code and asks no model, "fast" takes a
            sample, "full" is everything. A suite whose own tier is higher is left out.
        cache: what is done with kept replies; None: "readonly" in the tier code, else "readwrite".
        baseline: a run's id, the name of a run, a release, or `last`.
        resume: carry on with runs that did not come to their end.
        rerun_failed: repeat the failed and unscored cases of the newest runs.
        timeout_s: for one answer of the task.
    """

    tier: RunTier = "full"
    cache: Mode | None = None
    repeat: int | None = None
    concurrency: int | None = None
    seed: int | None = None
    max_cost_usd: Decimal | None = None
    judge: str | None = None
    rules: tuple[GateRule, ...] = ()
    allow_uncalibrated: bool = False
    baseline: str | None = None
    resume: bool = False
    rerun_failed: bool = False
    timeout_s: float | None = 600.0
    commit: str | None = None

    @property
    def mode(self) -> Mode:
        """What is done with kept replies."""
        if self.cache is not None:
            return self.cache
        return "readonly" if self.tier == "code" else "readwrite"

    def runs(self, tier: RunTier) -> bool:
        """Whether a suite of a tier is run."""
        return TIERS.index(tier) <= TIERS.index(self.tier)


class Site(NamedTuple):
    """Where an evaluation happens.

    `client` is of the server that has releases, datasets and runs, None without one. Journals and
    kept replies are in `folder`; None keeps neither. `lasting` says that the server is there when
    the evaluation is over, so that a run can be looked at by its address.
    """

    client: Client | None = None
    key: str | None = None
    folder: Path | None = None
    lasting: bool = True

    @property
    def address(self) -> str | None:
        return self.url if self.lasting else None

    @property
    def url(self) -> str | None:
        return None if self.client is None else self.client.url

    @property
    def journals(self) -> Path | None:
        return None if self.folder is None else self.folder / "runs"

    @property
    def replies(self) -> Path | None:
        return None if self.folder is None else self.folder / "replies.db"


class Given(NamedTuple):
    """What a program hands over as objects, where a file could only name it."""

    task: Any = None
    rows: Iterable[Any] | None = None
    judge: Any = None
    resources: Mapping[str, Any] = {}
