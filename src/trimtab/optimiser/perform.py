"""Performing a job: from where its journal stands to what comes of it.

A job that was killed carries on by doing the same again with the replies of its journal, which cost
nothing; the same replies lead to the same decisions. One that has come to its end is only read.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from trimtab.errors import Conflict
from trimtab.optimiser import journal as journals
from trimtab.optimiser.attempt import Attempt, Progress
from trimtab.optimiser.caps import Caps
from trimtab.optimiser.job import Job
from trimtab.optimiser.journal import Contents, JobJournal
from trimtab.optimiser.options import Options, Place
from trimtab.optimiser.prepare import Ready
from trimtab.optimiser.result import Found


async def perform(
    ready: Ready, options: Options, place: Place, progress: Progress | None = None
) -> Found:
    """What comes of a job; nothing of it is stored at the server yet.

    Raises:
        Conflict: another process is at it, it was left unfinished and `resume` is not said, or the
            test split was opened for another candidate.
        TrimtabError: nothing can be asked, or kept.
    """
    progress = progress or Progress()
    path = None if place.folder is None else journals.path_of(place.folder, ready.job)
    journal, contents = await asyncio.to_thread(_begun, path, ready, options)
    try:
        if contents.found is not None and _is_over(contents.found, options.caps):
            return contents.found
        work = Attempt(ready, options, place, journal, contents, progress)
        try:
            found = await work.done()
        finally:
            await work.aclose()
        if journal is not None:
            journal.finds(found)
        return found
    finally:
        if journal is not None:
            await asyncio.to_thread(journal.close)


def found_of(folder: Path | None, job: Job) -> Found | None:
    """What a job came to, as its journal says; None where it has come to nothing yet."""
    path = None if folder is None else journals.path_of(folder, job)
    if path is None or not path.exists():
        return None
    return journals.contents_of(path).found


def keep(found: Found, place: Place, ready: Ready) -> None:
    """Keep what was added to what came of a job, as where its winner is stored."""
    if place.folder is None:
        return
    journal, _ = JobJournal.again(journals.path_of(place.folder, ready.job))
    try:
        journal.finds(found)
    finally:
        journal.close()


def _begun(path: Path | None, ready: Ready, options: Options) -> tuple[JobJournal | None, Contents]:
    if path is None:
        return None, Contents(job=ready.job)
    if not path.exists():
        return JobJournal.new(path, ready.job), Contents(job=ready.job)
    journal, contents = JobJournal.again(path)
    over = contents.found is not None and _is_over(contents.found, options.caps)
    if not (over or options.resume):
        journal.close()
        raise Conflict(
            f"the job {ready.job.id} was begun and has {contents.taken.calls} calls behind it",
            where=str(path.parent),
            fix="carry on with --resume, or search anew with another --seed",
        )
    return journal, contents


def _is_over(found: Found, caps: Caps) -> bool:
    """Whether a job is done: for good, or as long as it may not spend anything else."""
    return found.finished or found.caps == caps
