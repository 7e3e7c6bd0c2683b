"""A project with releases, and runs that a test makes up."""

from __future__ import annotations

import itertools
from typing import Any

from trimtab.kit.clock import SystemClock
from trimtab.ports import Clock
from trimtab.records import AppliedScorer, ModelTarget, Release, Run, Verdict
from trimtab.records.run import Outcome
from trimtab.releases.creating import Bundle
from trimtab.releases.lifecycle import Lifecycle
from trimtab.releases.rules import Rules
from trimtab.stores.metadata.sql import SQLMetadata

PROJECT = "default"


class Town:
    """`found` is what the results of every run say, where a test says so; `policies` the version
    that each policy of guards has now, and `people` who is behind a key."""

    def __init__(self, metadata: SQLMetadata, rules: Rules | None = None) -> None:
        self.metadata = metadata
        clock: Clock = SystemClock()
        self.clock = clock
        self.rules = rules or Rules()
        self.people: dict[str, str] = {}
        self.policies: dict[str, str] = {}
        self.life = Lifecycle(
            releases=metadata.releases,
            prompts=metadata.prompts,
            runs=metadata.runs,
            confirmed=self.confirmed,
            clock=clock,
            rules=lambda: self.rules,
            person=lambda _, principal: self.people.get(principal, principal),
            policy=lambda _, name: f"{name}@{self.policies.get(name, 'a')}",
        )
        self._counter = itertools.count(1)
        self.found: Verdict | None = None

    def confirmed(self, run: Run) -> Verdict:
        """What the results say: what the verdict does, unless a test says otherwise."""
        assert run.verdict is not None
        return self.found or run.verdict

    def create(self, route: str = "docs", *, author: str | None = None, **fields: Any) -> Release:
        """A candidate unlike any other, unless `fields` say what it is like."""
        if "parameters" not in fields:
            fields["parameters"] = {"seed": next(self._counter)}
        targets = (ModelTarget(model="trimtab/extract"),)
        bundle = Bundle(**{"route": route, "targets": targets, **fields})
        return self.life.create(PROJECT, bundle, author=author)

    def live(self, route: str = "docs") -> Release:
        """A new release, made live by force."""
        release = self.create(route)
        return self.promote(release, force=True, reason="for the test")

    def promote(self, release: Release | str, *, by: str = "ann", **how: Any) -> Release:
        ref = release if isinstance(release, str) else release.ref
        return self.life.promote(PROJECT, ref, principal=by, **how)

    def approve(self, release: Release, by: str, **how: Any) -> Release:
        return self.life.approve(PROJECT, release.ref, principal=by, reason="read it", **how)

    def roll_back(self, release: Release, reason: str = "it is worse", **how: Any) -> Release:
        return self.life.roll_back(PROJECT, release.ref, principal="ben", reason=reason, **how)

    def run(self, release: Release, /, **fields: Any) -> Run:
        run = Run(
            **{
                "run_id": f"run-{next(self._counter)}",
                "project": PROJECT,
                "name": "n",
                "release": release.ref,
                "release_digest": release.digest,
                "dataset": "d@1",
                "dataset_digest": "x",
                "scorers": (AppliedScorer(name="exact"),),
                "status": "done",
                "vouched": True,
                "started_ns": 1,
                **fields,
            }
        )
        self.metadata.runs.put(run)
        return run

    def compared(
        self, release: Release, baseline: Release, outcome: Outcome = "pass", **fields: Any
    ) -> Run:
        """A run of a release that was judged against a run of another."""
        base = self.run(baseline)
        verdict = Verdict(outcome=outcome, reasons=("because",), baseline_run=base.run_id)
        return self.run(release, verdict=verdict, **fields)

    def get(self, release: Release) -> Release:
        return self.metadata.releases.get(PROJECT, release.ref)

    def state(self, release: Release) -> str:
        return self.get(release).state

    def all_live(self, route: str = "docs") -> list[str]:
        releases = self.metadata.releases.list(PROJECT, route)
        return [release.ref for release in releases if release.state == "live"]

    def placed(self, environment: str, route: str = "docs") -> list[str]:
        releases = self.metadata.releases.list(PROJECT, route)
        return [release.ref for release in releases if environment in release.live_in]
