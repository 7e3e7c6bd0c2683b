"""Splits by hash: a row is always in the same split, whatever is added and wherever it is done."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from trimtab.errors import InvalidRequest
from trimtab.records import Example

_TOLERANCE = 1e-9


def split(
    rows: Iterable[Example], ratio: Mapping[str, float], *, seed: str = ""
) -> Iterator[Example]:
    """Each row with a split; rows of one cluster are in one, rows without go by their id.

    Args:
        ratio: share of each split; together 1.
        seed: another one draws other splits.
    Raises:
        InvalidRequest: the shares are not positive or do not add up to 1.
    """
    check_ratio(ratio)
    for row in rows:
        key = f"{seed}\x00{row.cluster if row.cluster is not None else row.example_id}"
        yield replace(row, split=_drawn(key, ratio))


def parse_ratio(text: str) -> dict[str, float]:
    """
    >>> parse_ratio("train=.8,test=.2")
    {'train': 0.8, 'test': 0.2}
    """
    read: dict[str, float] = {}
    for part in text.split(","):
        name, equals, share = part.strip().partition("=")
        try:
            read[name] = float(share)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise InvalidRequest(
                f"{part[:50]!r} is no share", where="ratio", fix="write train=.8,test=.2"
            )
    check_ratio(read)
    return read


def check_ratio(ratio: Mapping[str, float]) -> None:
    """Raises InvalidRequest."""
    shares: Sequence[float] = [*ratio.values()]
    if not all(0 < share <= 1 for share in shares) or abs(sum(shares) - 1) > _TOLERANCE:
        raise InvalidRequest(
            f"the shares are {', '.join(f'{share:g}' for share in shares) or 'none'}",
            where="ratio",
            fix="give positive shares that add up to 1, as in train=.8,test=.2",
        )


def _drawn(key: str, ratio: Mapping[str, float]) -> str:
    drawn = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
    upper = 0.0
    for name, share in ratio.items():
        upper += share
        if drawn < upper:
            return name
    return name
