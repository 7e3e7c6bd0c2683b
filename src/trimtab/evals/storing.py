"""The rows of a run on the server, so that whoever compares it there knows what belongs together.

Rows go in, the reference of a dataset version comes out. Versions are known by their content: rows
that are there already are not sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import Forbidden, NotFound
from trimtab.records import Example, Run

_MOST_CHARS = 200
_KIND = " rows"
_NOT_IN_NAMES = frozenset("@/")


def store_rows(client: Client, run: Run, rows: Sequence[Example]) -> str:
    """The version of a dataset with exactly these rows, as `name@3`.

    Args:
        run: whose rows they are; its `dataset` says where they are from, `dataset_digest` what
            they are.
    Raises:
        TrimtabError: the server does not take them.
    """
    name = rows_name(run.suite or run.name)
    found = _known(client, name, run.dataset_digest)
    if found is None:
        wire = (msgspec.to_builtins(row) for row in rows)
        found = client.add_dataset(
            name, wire, note=f"rows of a run over {run.dataset}"[:_MOST_CHARS]
        )
    return f"{found['name']}@{found['version']}"


def rows_name(suite: str) -> str:
    """What the rows of a suite are called; not as the suite, which may be a dataset's name too.

    >>> rows_name("docs/smoke")
    'docs-smoke rows'
    """
    kept = (
        letter if letter.isprintable() and letter not in _NOT_IN_NAMES else "-" for letter in suite
    )
    return "".join(kept)[: _MOST_CHARS - len(_KIND)].strip() + _KIND


def _known(client: Client, name: str, digest: str) -> dict[str, Any] | None:
    """The newest version that has this content already."""
    try:
        versions = client.get(api_path("datasets", name, "versions"))["data"]
    except (NotFound, Forbidden):
        return None
    return next((each for each in versions if each["digest"] == digest), None)
