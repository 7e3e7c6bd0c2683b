"""One verdict on what a deployment is made of: clean, at risk, or unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import msgspec

from trimtab.governance.supply_chain.advisories import Database, Known
from trimtab.governance.supply_chain.component import Component
from trimtab.governance.supply_chain.models import Scanned
from trimtab.governance.supply_chain.names import NearName, near

_MOST_NAMED = 10

Outcome = Literal["clean", "at risk", "unknown"]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `outcome` is "clean" only if every package and file was judged, and fine.

    `counts` has the packages by status; `vulnerable` and `unknown` list them, `near_names` those
    that look like another (a warning), `files` the files of models that are not safe, `skipped`
    the text beside them, of which nothing is said.
    """

    outcome: Outcome
    packages: int
    counts: dict[str, int]
    vulnerable: tuple[Known, ...]
    unknown: tuple[Known, ...]
    near_names: tuple[NearName, ...]
    files: tuple[Scanned, ...]
    files_scanned: int
    skipped: tuple[str, ...] = ()

    def text(self) -> str:
        """For people: a line for each thing to look at, then the verdict."""
        return "\n".join([*self._lines(), self._verdict()])

    def _lines(self) -> Iterator[str]:
        for known in self.vulnerable:
            one = known.component
            yield f"vulnerable  {one.name} {one.version} ({one.source}): {', '.join(known.ids)}"
        for name in self.near_names:
            yield f"name        {name.name} ({name.source}) is nearly {name.like}"
        for file in self.files:
            names = ", ".join(file.globals[:5])
            why = ": ".join(part for part in (file.reason, names) if part)
            yield f"{file.verdict:<11} {file.path} ({file.format}): {why}"
        reasons = Counter(known.reason for known in self.unknown)
        for reason, count in sorted(reasons.items(), key=str):
            yield f"unknown     {count} of {self.packages} packages: {reason}"

    def _verdict(self) -> str:
        said = ", ".join(f"{count} {status}" for status, count in sorted(self.counts.items()))
        files = f"; {self.files_scanned} files of models read" if self.files_scanned else ""
        if self.skipped:
            more = ", ..." if len(self.skipped) > _MOST_NAMED else ""
            names = ", ".join(self.skipped[:_MOST_NAMED]) + more
            files += f"; {len(self.skipped)} files not looked at: {names}"
        return f"{self.outcome}: {self.packages} packages ({said or 'none'}){files}"


def examine(
    components: Sequence[Component],
    database: Database,
    *,
    imported: Sequence[Component] = (),
    files: Sequence[Scanned] = (),
    allowed: Collection[str] = (),
) -> Report:
    """Judge packages, the imports of generated code, and files of models.

    A vulnerable package or a dangerous file is a risk; a suspicious file, an unreadable one, and a
    package that no database was asked about leave the outcome unknown, as does nothing to judge.
    Files that were skipped are named, and are no part of what is judged.
    """
    skipped = tuple(file.path for file in files if file.verdict == "skipped")
    files = [file for file in files if file.verdict != "skipped"]
    found = database.look_up(components)
    vulnerable = tuple(known for known in found if known.status == "vulnerable")
    unknown = tuple(known for known in found if known.status == "unknown")
    bad = tuple(file for file in files if file.verdict != "safe")
    outcome: Outcome = "clean"
    if vulnerable or any(file.verdict == "dangerous" for file in bad):
        outcome = "at risk"
    elif unknown or bad or not (found or files or imported):
        outcome = "unknown"
    return Report(
        outcome=outcome,
        packages=len(found),
        counts=dict(Counter(known.status for known in found)),
        vulnerable=vulnerable,
        unknown=unknown,
        near_names=tuple(near([*components, *imported], allowed=allowed)),
        files=bad,
        files_scanned=len(files),
        skipped=skipped,
    )
