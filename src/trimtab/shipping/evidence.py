"""What a release is evaluated with, and which of its runs is the evidence to promote it on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import ConfigError, InvalidRequest, NotFound, ScorerError
from trimtab.evals.evaluation import Outcome, Say, evaluate_suite
from trimtab.evals.files import Declared as DeclaredSuite
from trimtab.evals.files import find as find_suites
from trimtab.evals.options import Options, Site
from trimtab.evals.perform import Watching
from trimtab.experiments.suite import DEFAULT_SCORERS, DataRef, Suite, SuiteGate, TaskRef
from trimtab.experiments.words import sentence
from trimtab.records import Release, Run
from trimtab.shipping.declared import Declared

Gating = Callable[[Run], bool]


def suites_for(found: Declared, *, cwd: Path) -> list[DeclaredSuite]:
    """The suites that a release is evaluated with; none where the repository has none for it.

    Those it names, whatever their task is; else those of `trimtab eval` whose task is the route.

    Raises:
        ConfigError: one that is named is not there, or cannot be read.
    """
    said = found.declaration
    if said.dataset is not None:
        return [_over(found)]
    if said.suites:
        return find_suites([found.folder / name for name in said.suites], cwd=cwd)
    try:
        usual = find_suites([], cwd=cwd)
    except ConfigError as error:
        if error.what == "there is no suite":
            return []
        raise
    return [one for one in usual if _asks(one.suite.task, said.route)]


def _asks(task: object, route: str) -> bool:
    if not isinstance(task, TaskRef):
        return False
    return (task.release or "").partition("@")[0] == route or list(task.models) == [route]


def _over(found: Declared) -> DeclaredSuite:
    """A dataset as a suite of its own."""
    said, dataset = found.declaration, found.declaration.dataset or ""
    is_file = (found.folder / dataset).is_file()
    shown = Path(dataset).name if is_file else dataset.partition("@")[0]
    suite = Suite(
        name=f"{said.route} on {shown}"[:200],
        data=DataRef(file=dataset) if is_file else DataRef(dataset=dataset),
        task=TaskRef(release=said.route),
        scorers=said.scorers or DEFAULT_SCORERS,
        gate=SuiteGate(rules=said.rules),
    )
    return DeclaredSuite(suite=suite, folder=found.folder, origin=str(found.path))


def of_release(suites: Sequence[DeclaredSuite], release: Release) -> list[DeclaredSuite]:
    """The suites with a release as what answers them."""
    found = []
    for one in suites:
        task = one.suite.task
        blocked = task.blocked if isinstance(task, TaskRef) else "error"
        changed = msgspec.structs.replace(
            one.suite, task=TaskRef(release=release.ref, blocked=blocked)
        )
        found.append(msgspec.structs.replace(one, suite=changed))
    return found


async def evaluated(
    suites: Sequence[DeclaredSuite],
    options: Options,
    site: Site,
    *,
    say: Say,
    watching: Watching | None,
) -> list[Outcome]:
    """Run what no earlier attempt has run; what is there is taken as it is.

    Raises:
        TrimtabError: something that a suite names is wrong; `where` says which.
    """
    outcomes: list[Outcome] = []
    for one in suites:
        try:
            outcomes += await evaluate_suite(one, options, site, say=say, watching=watching)
        except (ConfigError, InvalidRequest, NotFound, ScorerError) as error:
            if one.origin not in (error.where or ""):
                suite = f"{one.origin}, suite {one.suite.name}"
                error.where = f"{suite}, {error.where}" if error.where else suite
            raise
        if any(each.performed.interrupted or each.performed.broken for each in outcomes):
            break
    return outcomes


def verdict_on(outcomes: Sequence[Outcome]) -> str:
    """What came of all suites, a sentence each."""
    said = []
    for outcome in outcomes:
        base = outcome.baseline.run if outcome.baseline is not None else None
        said.append(sentence(outcome.run, base))
    return " ".join(dict.fromkeys(said))


def proved(outcomes: Sequence[Outcome], over: Release | None, client: Client) -> Run | None:
    """A run whose stored verdict says that a release may follow another; None where none does.

    A verdict that was given against something else before is given anew against what answers now,
    under the rules of its suite.
    """
    for outcome in outcomes:
        base = outcome.baseline.run if outcome.baseline is not None else None
        if over is None or base is None or base.release_digest != over.digest:
            continue
        run = _stored(outcome.run.run_id, client)
        if not _says(run, base):
            body = {
                "baseline": base.run_id,
                "rules": msgspec.to_builtins(outcome.declared.suite.gate.rules),
                "store": True,
            }
            path = api_path("runs", run.run_id, "comparison")
            run = msgspec.convert(client.post(path, body), Run)
        if _says(run, base):
            return run
    return None


def _says(run: Run, base: Run) -> bool:
    verdict = run.verdict
    return verdict is not None and verdict.outcome == "pass" and verdict.baseline_run == base.run_id


def _stored(run_id: str, client: Client) -> Run:
    return msgspec.convert(client.get(api_path("runs", run_id)), Run)
