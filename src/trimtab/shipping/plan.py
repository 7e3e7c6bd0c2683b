"""What shipping would do now, in sentences; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trimtab.client import Client
from trimtab.evals.files import Declared as DeclaredSuite
from trimtab.shipping import content, evidence
from trimtab.shipping.declared import Declared
from trimtab.shipping.wishes import Wishes, canary_of, environment_of


def planned(
    found: Declared, wishes: Wishes, client: Client, *, cwd: Path
) -> tuple[Sequence[str], Sequence[DeclaredSuite]]:
    """What would be done, a sentence each, and the suites that would be run. Blocks.

    The suites are there only where the content is stored already: of another nothing can be
    foretold.
    """
    declared = content.content_of(found, client, store=False)
    route, environment = found.declaration.route, environment_of(found, wishes)
    releases = content.releases_of(route, client)
    over = content.answering(releases, environment)
    same = content.same(declared, releases)
    if same is not None and over is not None and same.release_id == over.release_id:
        return [f"nothing to do: {same.ref} has this content and is live"], []
    suites = evidence.suites_for(found, cwd=cwd)
    names = ", ".join(one.suite.name for one in suites) or "nothing"
    against = f"compared with {over.ref}" if over is not None else "the first of its route"
    what = f"a new release of {route}"
    if same is not None:
        what = f"{same.ref}, which is a {same.state}"
    lines = [f"content: {what}", f"eval: {names}, {against}"]
    plan = canary_of(found, wishes, over)
    if plan is not None:
        lines.append(
            f"canary: {100 * plan.part:g}% of the requests for {plan.lasts},"
            f" at least {plan.calls} calls"
        )
    lines.append(f"promote: answers {route}{f' in {environment}' if environment else ''}")
    return lines, [] if same is None else evidence.of_release(suites, same)
