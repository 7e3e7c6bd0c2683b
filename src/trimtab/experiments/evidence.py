"""Runs that a release was promoted on: what was evidence stays as it was."""

from __future__ import annotations

from trimtab.ports import ReleaseStore
from trimtab.records import Run

VOUCHING = "releases:promote"
"""The permission whose holders make evidence: they could promote without it."""


def was_promoted_on(releases: ReleaseStore, run: Run) -> bool:
    """Whether an approval of any release of the project names the run."""
    found = releases.list(run.project)
    return any(each.run == run.run_id for release in found for each in release.approvals)
