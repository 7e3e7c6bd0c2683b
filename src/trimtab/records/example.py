"""Example: one row of a versioned dataset."""

from __future__ import annotations

import unicodedata
from typing import Any

from trimtab.kit.hashing import canonical, digest
from trimtab.records.record import Json, Record


class Example(Record, frozen=True, kw_only=True, gc=False):
    """One case: an input, what is expected of it, and where it came from.

    `cluster` names the group that errors are correlated in (a document, a session, a customer):
    intervals are computed over clusters, not rows. `source_trace` and `source_span` lead back to
    the call an example was curated from.
    """

    example_id: str
    input: Json
    expected: Json = None
    context: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    split: str | None = None
    cluster: str | None = None
    source_trace: str | None = None
    source_span: str | None = None


class Dataset(Record, frozen=True, kw_only=True):
    """One version of a named set of examples; `digest` is the hash of its rows in order.

    `schema` is the JSON Schema that each row's `input`, `expected` and `metadata` have, as the
    properties of one object. `splits` counts rows by split, `clusters` those groups that errors are
    correlated in, `duplicates` rows whose input an earlier row has, `linked` rows that lead back to
    a span.
    """

    name: str
    version: int
    project: str = "default"
    size: int
    digest: str
    created_ns: int
    note: str = ""
    schema: dict[str, Any] | None = None
    tags: tuple[str, ...] = ()
    splits: dict[str, int] = {}
    clusters: int = 0
    duplicates: int = 0
    linked: int = 0

    @property
    def ref(self) -> str:
        """`name@version`, the way a run names the dataset it used."""
        return f"{self.name}@{self.version}"


def normalised(value: Json) -> str:
    """An input as it is compared with others: letter case and white space do not tell them apart.

    Text is in Unicode form NFKC, case-folded; other values are compared as canonical JSON.

    >>> normalised("Which  PORT?") == normalised("which port?")
    True
    """
    text = value if isinstance(value, str) else canonical(value).decode()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def examples_digest(examples: list[Example]) -> str:
    """Hash of the rows' content, independent of when and where they were written."""
    return digest(list(examples))
