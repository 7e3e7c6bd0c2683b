"""Datasets: rows read page by page, versions stored piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from trimtab.client.api import Api, api_path
from trimtab.errors import TrimtabError
from trimtab.kit import jsonx

_PAGE_ROWS = 5_000
_PIECE_ROWS = 5_000
_PIECE_BYTES = 4 << 20


class Datasets(Api):
    """Datasets and their versions, of any size."""

    def examples(self, dataset: str) -> list[dict[str, Any]]:
        """The rows of a dataset version (`golden@2`, or `golden` for the newest)."""
        return list(self.rows(dataset))

    def rows(
        self, dataset: str, *, after: int = 0, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """The same, read page by page as they are asked for, from position `after` on."""
        ref, following, left = dataset, after, limit
        while following is not None and left != 0:
            size = _PAGE_ROWS if left is None else min(left, _PAGE_ROWS)
            asked = {"after": following, "limit": size}
            page = self.get(api_path("datasets", ref, "examples"), asked)
            yield from page["data"]
            # The pages that follow are of the same version, whatever is added meanwhile.
            ref, following = page["ref"], page["next"]
            left = None if left is None else left - len(page["data"])

    def add_dataset(
        self,
        name: str,
        examples: Iterable[Mapping[str, Any]],
        *,
        note: str = "",
        schema: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        sent: Callable[[int], None] = lambda _: None,
    ) -> dict[str, Any]:
        """Store the next version of a dataset, of any size: the rows are sent in pieces.

        Args:
            examples: rows with `example_id`, `input` and what else an example has; read once.
            schema: JSON Schema of an object of a row's input, expected and metadata; None keeps
                that of the version before.
            sent: is told how many rows were sent, piece by piece.
        Raises:
            Conflict: two rows have one example_id; nothing is stored.
        """
        begun = self.post("/api/v1/dataset-drafts", {"name": name, "schema": schema})
        draft = api_path("dataset-drafts", begun["draft"])
        try:
            rows = 0
            for piece in _pieces(examples):
                # Pieces are bounded by their bytes, which are known when they are encoded.
                rows = self.post(f"{draft}/examples", {"examples": piece, "after": rows})["rows"]
                sent(len(piece))
            dataset: dict[str, Any] = self.post(
                f"{draft}/commit", {"note": note, "tags": list(tags)}
            )
        except BaseException:
            with suppress(TrimtabError):
                self.delete(draft)
            raise
        return dataset

    def diff_dataset(self, dataset: str, against: str | None = None) -> dict[str, Any]:
        """Rows added, removed and changed since another version; None is the one before."""
        path = api_path("datasets", dataset, "diff")
        found: dict[str, Any] = self.get(path, {"against": against})
        return found

    def check_dataset(self, dataset: str, against: str | None = None) -> dict[str, Any]:
        """Rows that repeat each other, and with `against` those that this other set knows."""
        path = api_path("datasets", dataset, "check")
        found: dict[str, Any] = self.get(path, {"against": against})
        return found

    def split_dataset(
        self, dataset: str, ratio: Mapping[str, float], *, seed: str = ""
    ) -> dict[str, Any]:
        """Store the next version with each cluster of rows in a split: `{"train": 0.8, ...}`."""
        body = {"ratio": dict(ratio), "seed": seed}
        added: dict[str, Any] = self.post(api_path("datasets", dataset, "split"), body)
        return added

    def remove_dataset(self, name: str) -> int:
        """Remove all versions of a dataset; how many there were."""
        removed: int = self.delete(api_path("datasets", name))["versions"]
        return removed


def _pieces(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[msgspec.Raw]]:
    """Rows gathered to bodies that a server takes: some thousand rows, some megabytes."""
    piece: list[msgspec.Raw] = []
    size = 0
    for row in rows:
        encoded = jsonx.encode(row)
        if piece and (len(piece) == _PIECE_ROWS or size + len(encoded) > _PIECE_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(msgspec.Raw(encoded))
        size += len(encoded)
    if piece:
        yield piece
