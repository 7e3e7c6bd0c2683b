"""Where a winner goes: the next version of the prompt at the server, or a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from trimtab.client import Client
from trimtab.errors import ConfigError
from trimtab.optimiser.result import Found

_NOTE = re.compile(r"optimised by the job (\S+) from (\S+)")


class Made(NamedTuple):
    """Which job made a version, and of which one."""

    job: str
    prompt: str


def made_by(note: str) -> Made | None:
    """What the note of a version says of the job that made it; None of one that no job made.

    >>> made_by("optimised by the job sorter-1a2b from sorter@1")
    Made(job='sorter-1a2b', prompt='sorter@1')
    """
    found = _NOTE.fullmatch(note)
    return None if found is None else Made(found[1], found[2])


def stored(found: Found, client: Client | None, output: Path | None) -> Found:
    """What came of a job, with the place where its winner is.

    Args:
        output: a file in the place of the server.
    Raises:
        TrimtabError: it cannot be stored; asking for the job again does so without another call.
    """
    if not found.promoted or found.content is None:
        return found
    if output is not None:
        _write(found, output)
        return msgspec.structs.replace(found, stored=str(output))
    if found.stored is not None or client is None:
        return found
    name = found.prompt.partition("@")[0]
    note = f"optimised by the job {found.job} from {found.prompt}"
    wire = client.post("/api/v1/prompts", {"name": name, **found.content, "note": note})
    return msgspec.structs.replace(found, stored=f"{wire['name']}@{wire['version']}")


def _write(found: Found, path: Path) -> None:
    document: dict[str, Any] = {"name": found.prompt.partition("@")[0], **(found.content or {})}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100),
            encoding="utf-8",
        )
    except OSError as error:
        raise ConfigError(
            f"the file cannot be written: {error.strerror}", where=str(path), fix="name another"
        ) from None
