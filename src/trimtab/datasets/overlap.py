"""Rows that repeat each other within a set, and rows that another set knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from trimtab.datasets.likeness import alike, grams
from trimtab.errors import TooLarge
from trimtab.kit.hashing import short_hash
from trimtab.ports import DatasetStore
from trimtab.records import Example, text_of
from trimtab.records.example import normalised

MAX_COMPARED = 200_000
GRAM_WORDS = 8
KNOWN_SHARE = 0.5

Share = Annotated[float, Meta(gt=0, le=1)]


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """Two rows that say the same or nearly so; `similarity` is 1.0 for the same."""

    example_id: str
    other_id: str
    similarity: float


class Repetition(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a set whose input an earlier row has: the same once normalised, or nearly.

    `examples` shows the first of them.
    """

    ref: str
    rows: int
    exact: int
    near: int
    threshold: float
    examples: list[Likeness]


class Contamination(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a set that another set knows.

    `exact` rows have an input that is there too, once normalised; `overlapping` ones are not among
    those, but at least half of their runs of `gram_words` words are in the other set. `share` is of
    both kinds, in [0, 1].
    """

    ref: str
    against: str
    rows: int
    exact: int
    overlapping: int
    share: float
    gram_words: int
    examples: list[Likeness]


def repetition(
    datasets: DatasetStore,
    project: str,
    ref: str,
    *,
    threshold: float = 0.8,
    shown: int = 20,
) -> Repetition:
    """Which rows of a version repeat an earlier one.

    Raises:
        NotFound: the version does not exist.
        TooLarge: it has more rows than are compared.
    """
    dataset = datasets.get(project, ref)
    examples: list[Likeness] = []
    exact = near = 0
    for found in _repeated(datasets, project, ref, threshold):
        exact += found.similarity == 1.0
        near += found.similarity < 1.0
        if len(examples) < shown:
            examples.append(found)
    return Repetition(
        ref=dataset.ref,
        rows=dataset.size,
        exact=exact,
        near=near,
        threshold=threshold,
        examples=examples,
    )


def without_repeated(
    datasets: DatasetStore, project: str, ref: str, *, threshold: float | None = None
) -> Iterator[Example]:
    """The rows of a version without those that repeat an earlier one.

    Args:
        threshold: leave out rows that are as much like an earlier one; None leaves out those whose
            normalised input is the same.
    """
    if threshold is None:
        seen: set[bytes] = set()
        for row in datasets.rows(project, ref):
            key = _key(row)
            if key not in seen:
                seen.add(key)
                yield row
        return
    left_out = {one.example_id for one in _repeated(datasets, project, ref, threshold)}
    yield from (row for row in datasets.rows(project, ref) if row.example_id not in left_out)


def contamination(
    datasets: DatasetStore,
    project: str,
    ref: str,
    against: str,
    *,
    gram_words: int = GRAM_WORDS,
    shown: int = 20,
) -> Contamination:
    """Which rows of a version another one knows: a test set of what was trained on, say.

    Raises:
        NotFound: a version does not exist.
        TooLarge: the other set is too large to be held.
    """
    dataset, other = datasets.get(project, ref), datasets.get(project, against)
    _require_few(other.size, other.ref)
    inputs = {_key(row): row.example_id for row in datasets.rows(project, other.ref)}
    known = _known_grams(datasets.rows(project, other.ref), gram_words)
    exact = overlapping = 0
    examples: list[Likeness] = []
    for row in datasets.rows(project, dataset.ref):
        twin = inputs.get(_key(row))
        share = 1.0 if twin is not None else _share(row, known, gram_words)
        if share < KNOWN_SHARE:
            continue
        exact += twin is not None
        overlapping += twin is None
        if len(examples) < shown:
            found = Likeness(
                example_id=row.example_id, other_id=twin or "", similarity=round(share, 4)
            )
            examples.append(found)
    return Contamination(
        ref=dataset.ref,
        against=other.ref,
        rows=dataset.size,
        exact=exact,
        overlapping=overlapping,
        share=(exact + overlapping) / dataset.size if dataset.size else 0.0,
        gram_words=gram_words,
        examples=examples,
    )


def _repeated(
    datasets: DatasetStore, project: str, ref: str, threshold: float
) -> Iterator[Likeness]:
    dataset = datasets.get(project, ref)
    _require_few(dataset.size, dataset.ref)
    ids: list[str] = []
    keys: list[bytes] = []

    def texts() -> Iterator[str]:
        for row in datasets.rows(project, dataset.ref):
            ids.append(row.example_id)
            keys.append(_key(row))
            yield normalised(row.input)

    first: dict[bytes, int] = {}
    near = {pair.second: pair for pair in alike(texts(), threshold=threshold)}
    for place, key in enumerate(keys):
        earlier = first.setdefault(key, place)
        if earlier != place:
            yield Likeness(example_id=ids[place], other_id=ids[earlier], similarity=1.0)
        elif pair := near.get(place):
            # Texts of the same words in other signs are as near as can be, and not the same.
            similarity = min(round(pair.similarity, 4), 0.9999)
            yield Likeness(example_id=ids[place], other_id=ids[pair.first], similarity=similarity)


def _known_grams(rows: Iterable[Example], size: int) -> np.ndarray:
    parts = [grams(_said(row), size) for row in rows]
    return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint32)


def _share(row: Example, known: np.ndarray, size: int) -> float:
    """How many of a row's runs of words are known; 0.0 for a row of fewer words."""
    text = normalised(row.input)
    if len(text.split()) < size:
        return 0.0
    found = grams(text, size)
    return float(np.isin(found, known, assume_unique=True).mean()) if len(found) else 0.0


def _said(row: Example) -> str:
    return "\n".join([normalised(row.input), text_of(row.expected), *row.context])


def _key(row: Example) -> bytes:
    return short_hash(normalised(row.input).encode())


def _require_few(rows: int, ref: str) -> None:
    if rows > MAX_COMPARED:
        raise TooLarge(
            f"{ref} has {rows} rows; at most {MAX_COMPARED} are compared with each other",
            fix="compare a part of it",
            rows=rows,
            limit=MAX_COMPARED,
        )
