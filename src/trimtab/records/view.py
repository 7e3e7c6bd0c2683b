"""View: a page of the web UI as somebody left it, under a name that the project shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from trimtab.records.record import Record


class View(Record, frozen=True, kw_only=True):
    """`page` is the page's first part of an address (`traces`); `state` its parameters."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    project: str = "default"
    page: Annotated[str, Meta(pattern="^[a-z][a-z-]{0,49}$")]
    state: Mapping[Annotated[str, Meta(max_length=50)], Annotated[str, Meta(max_length=8_000)]] = {}
    saved_by: str = ""
    saved_ns: int = 0
