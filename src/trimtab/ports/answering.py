"""What answers, as parts of the metadata store: prompts, plans, releases, shares, probes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from trimtab.records import (
    Approval,
    Plan,
    PlanRun,
    Probe,
    ProbeLook,
    Prompt,
    PromptEntry,
    Release,
    StepRecord,
)
from trimtab.records.release import ReleaseState


class PromptStore(Protocol):
    """Versions never change. Labels and what an entry says do; each change is audited, and makes
    `revision` grow."""

    def add(self, prompt: Prompt, *, over: int | None = None, with_secrets: bool = False) -> Prompt:
        """Store the next version of a prompt; `version` is assigned. The same content as the
        newest version returns that version instead. Its labels move to what is returned.

        Args:
            over: the newest version there must be, 0 for none; None does not ask.
            with_secrets: what looks like a credential in it was allowed, which is audited.
        Raises:
            InvalidRequest: its name or a label cannot be written in a reference.
            Conflict: there is another newest version than `over`.
        """
        ...

    def get(self, project: str, ref: str) -> Prompt:
        """`name@3`, `name@production` for the version a label points to, or `name` for the newest.

        Raises NotFound; says which versions and labels there are.
        """
        ...

    def list(self, project: str) -> list[Prompt]:
        """The newest version of each prompt, by name."""
        ...

    def versions(self, project: str, name: str) -> Sequence[Prompt]:
        """Newest first. Raises NotFound."""
        ...

    def all(self) -> Sequence[Prompt]:
        """Every version of every prompt of all projects."""
        ...

    def entry(self, project: str, name: str) -> PromptEntry:
        """Raises NotFound."""
        ...

    def entries(self, project: str) -> Sequence[PromptEntry]:
        """By folder and name, archived ones included."""
        ...

    def label(
        self,
        project: str,
        name: str,
        label: str,
        version: int | None,
        *,
        by: str,
        over: int | None = None,
    ) -> PromptEntry:
        """Point a label to a version; None takes it away, if it is there.

        Args:
            over: the version it must point to now, 0 for none; None does not ask.
        Raises:
            NotFound: there is no such prompt or version.
            InvalidRequest: it is `latest`, a number, or cannot be written in a reference.
            Conflict: it points to another version than `over`.
        """
        ...

    def describe(
        self,
        project: str,
        name: str,
        *,
        by: str,
        folder: str | None = None,
        tags: Sequence[str] | None = None,
        description: str | None = None,
        archived: bool | None = None,
    ) -> PromptEntry:
        """Change what an entry says; None leaves a field. Raises NotFound, InvalidRequest."""
        ...

    def revision(self) -> int:
        """A number that grows with every change to any prompt; cheap to poll."""
        ...


class PlanStore(Protocol):
    """Versions of plans, their runs, and the steps of each run."""

    def add(self, plan: Plan) -> Plan:
        """Store the next version; the same content as the newest returns that instead."""
        ...

    def get(self, project: str, ref: str) -> Plan:
        """`name@2`, or `name` for the newest. Raises NotFound."""
        ...

    def list(self, project: str) -> list[Plan]:
        """The newest version of each, by name."""
        ...

    def versions(self, project: str, name: str) -> Sequence[Plan]:
        """Newest first. Raises NotFound."""
        ...

    def put_run(self, run: PlanRun) -> None:
        """Insert or replace by plan_run_id."""
        ...

    def amend(
        self,
        project: str,
        plan_run_id: str,
        change: Callable[[PlanRun], PlanRun],
        *,
        steps: Sequence[StepRecord] | None = None,
    ) -> PlanRun:
        """Replace a run by what `change` makes of it, while nobody else can.

        What `change` raises leaves the run as it was. Raises NotFound.

        Args:
            steps: what all records of its steps are replaced by; None leaves them.
        """
        ...

    def run(self, project: str, plan_run_id: str) -> PlanRun:
        """Raises NotFound."""
        ...

    def runs(self, project: str, *, plan: str | None = None, limit: int = 100) -> Sequence[PlanRun]:
        """Newest first, of every version of a plan's name if one is given."""
        ...

    def running(self) -> Sequence[PlanRun]:
        """The runs of all projects whose status is running."""
        ...

    def due(self, now_ns: int, *, limit: int = 20) -> Sequence[PlanRun]:
        """The runs of all projects whose record is to be redacted by now, the oldest first."""
        ...

    def erase_runs(
        self, project: str, *, trace_ids: Collection[str] | None = None, before_ns: int | None
    ) -> Sequence[str]:
        """Erase runs with their steps, for good; return the ids of their traces.

        Args:
            trace_ids: only those of these traces, and those that replay them; None is all that are
                over.
            before_ns: only those that began before; None is all.
        """
        ...

    def record(
        self, project: str, plan_run_id: str, step: StepRecord, *, owner: str | None = None
    ) -> None:
        """Make what came of a step durable; a later record of the same step and item counts.

        Args:
            owner: who must execute the run now; None does not ask.
        Raises:
            NotFound: there is no such run.
            Conflict: the run is over, or another process executes it.
        """
        ...

    def steps(self, project: str, plan_run_id: str) -> Sequence[StepRecord]:
        """Each (step, item) once, in the order of first arrival. Raises NotFound."""
        ...


class ReleaseStore(Protocol):
    def add(self, release: Release) -> Release:
        """Store a release; `version` within its route is assigned.

        Raises Conflict when the route already has a release with this digest that is not retired,
        or another where this one would be live.
        """
        ...

    def get(self, project: str, ref: str) -> Release:
        """By release_id or `route@version`. Raises NotFound."""
        ...

    def live(self) -> list[Release]:
        """The live release of every route of every project."""
        ...

    def list(self, project: str | None = None, route: str | None = None) -> list[Release]:
        """Newest first."""
        ...

    def transition(
        self,
        project: str,
        release_id: str,
        state: ReleaseState,
        approval: Approval,
        *,
        over: str | None = None,
        among: Collection[ReleaseState] | None = None,
        ends_canary: bool = False,
    ) -> Release:
        """Change the state and append the approval in one transaction.

        Making a release live retires the one that was; one that answers in an environment goes on
        there, and is a candidate. A release that retires answers in no environment any more. One
        that becomes the canary has the share, segment and watch of the approval.

        Args:
            over: the release_id that must be the live one of the route, "" for none; None does not
                ask. A decision made on evidence against one release is not carried out on another.
            among: the states that the release must be in; None does not ask.
            ends_canary: the route's canary becomes a candidate again.
        Raises:
            NotFound: there is no such release.
            Conflict: another release is live than `over` says, the release is in another state, or
                it would be a second canary.
        """
        ...

    def place(
        self,
        project: str,
        release_id: str,
        approval: Approval,
        *,
        over: str | None = None,
        withdraw: bool = False,
    ) -> Release:
        """Have a release answer the calls of the approval's environment, or no longer, and append
        the approval in one transaction. The one that did so before is withdrawn, which is an
        approval of its own. No state changes, but that a retired release to which a rollback
        returns is a candidate.

        Args:
            over: the release_id that must answer there now, "" for none; None does not ask.
        Raises:
            NotFound: there is no such release.
            InvalidRequest: the approval names no environment.
            Conflict: another answers there than `over` says, the release is retired and it is no
                rollback, or it is to be withdrawn from where it does not answer.
        """
        ...

    def note(self, project: str, release_id: str, approval: Approval) -> Release:
        """Append an approval that changes no state. Raises NotFound."""
        ...

    def revision(self) -> int:
        """A number that grows with every change to any release; cheap to poll."""
        ...


class LearntShares(NamedTuple):
    """What a bandit gives each version of a route, and the moment until which it had looked."""

    project: str
    route: str
    shares: Mapping[int, float]
    time_ns: int


class ShareStore(Protocol):
    """The shares that bandits learnt. A change makes `gateway_revision` grow and is audited."""

    def put(self, learnt: LearntShares, *, by: str) -> None:
        """Insert or replace by project and route."""
        ...

    def all(self) -> Sequence[LearntShares]: ...

    def delete(self, project: str, route: str, *, by: str) -> None:
        """Forget what was learnt; nothing happens where there is nothing."""
        ...


class ProbeStore(Protocol):
    def put(self, probe: Probe, *, by: str) -> None:
        """Insert or replace by project and name."""
        ...

    def get(self, project: str, name: str) -> Probe:
        """Raises NotFound."""
        ...

    def delete(self, project: str, name: str, *, by: str) -> None:
        """With its looks; its runs stay. Raises NotFound."""
        ...

    def all(self) -> Sequence[Probe]:
        """The probes of every project."""
        ...

    def list(self, project: str) -> list[Probe]:
        """By name."""
        ...

    def add_look(self, look: ProbeLook) -> None:
        """Raises NotFound when there is no such probe."""
        ...

    def looks(self, project: str, name: str, *, limit: int = 100) -> Iterator[ProbeLook]:
        """Newest first."""
        ...

    def claim(self, project: str, name: str, *, now_ns: int, until_ns: int) -> bool:
        """Whether a look may begin now: none began since less than `every_s`, and nobody holds it.

        Of several processes that ask at once, one is told yes; it holds the probe until
        `until_ns`, or until it adds the look. Nobody is told yes of a probe that is not there.
        """
        ...
