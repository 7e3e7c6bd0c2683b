"""How soon a promotion is seen, and what goes wrong meanwhile: bench/results/releases.md.

    python -m bench.releases

Servers as they are run, over loopback, with a provider on loopback that says back what reached it.
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.switching import Switches, measured

RESULTS = Path(__file__).parent / "results" / "releases.md"


def main() -> None:
    rows = [
        _row("3 processes of one server", 20, workers=3),
        _row("1 process of one server", 20, workers=1),
        _row("another server over the same metadata", 20, workers=1, elsewhere=True),
    ]
    RESULTS.write_text(
        "# Promotions under load\n\n"
        "`python -m bench.releases` promotes two releases back and forth while four connections"
        " ask without a pause.\n"
        "A release differs from the other in model, prompt and a parameter; the provider says back"
        " what reached it.\n"
        "*Mixed* are answers that are not wholly of the release that `x-trimtab-release` names.\n"
        "*Late* is how long after the promotion was asked for (and after it was answered) the last"
        " request began that the release before still answered: the median and the longest.\n\n"
        "| requests go to | promotions | requests | failed | mixed | late after it was asked for"
        " | late after it was answered | a promotion takes |\n"
        "|---|---|---|---|---|---|---|---|\n" + "".join(rows) + f"\n{_machine()}\n"
    )
    print(RESULTS.read_text())


def _row(what: str, promotions: int, *, workers: int, elsewhere: bool = False) -> str:
    with tempfile.TemporaryDirectory() as directory:
        found = measured(
            Path(directory), workers=workers, promotions=promotions, elsewhere=elsewhere
        )
    cells = [what, str(promotions), f"{len(found.asked):,}", str(len(found.failed))]
    cells += [str(len(found.mixed)), _late(found, "asked"), _late(found, "told")]
    cells.append(_spread([one.told_s - one.asked_s for one in found.moved]))
    return f"| {' | '.join(cells)} |\n"


def _late(found: Switches, since: str) -> str:
    return _spread(found.lateness_s(since))


def _spread(seconds: Sequence[float]) -> str:
    return f"{1000 * statistics.median(seconds):.0f} ms, {1000 * max(seconds):.0f} ms"


def _machine() -> str:
    return (
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()},"
        f" {os.cpu_count()} processors, which callers and provider share with the servers."
    )


if __name__ == "__main__":
    main()
