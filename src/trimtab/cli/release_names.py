"""Releases by the names that people give them, where a record has the id."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from trimtab.client import Client, api_path
from trimtab.errors import TrimtabError
from trimtab.records import Span


def release_names(client: Client, ids: Iterable[str | None]) -> dict[str, str]:
    """`route@version` by id; without those that are no release, or not to be read by this key."""
    found = {}
    for release_id in {one for one in ids if one}:
        try:
            release = client.get(api_path("releases", release_id))
        except TrimtabError:
            continue
        found[release_id] = f"{release['route']}@{release['version']}"
    return found


def with_release_names(client: Client, spans: Iterable[Span]) -> list[Span]:
    """Spans to be read by people."""
    listed = list(spans)
    names = release_names(client, (span.release for span in listed))
    return [
        replace(span, release=names[span.release]) if span.release in names else span
        for span in listed
    ]
