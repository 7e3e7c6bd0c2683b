"""What became of an export: how many records were left out, and why."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from trimtab.errors import InvalidRequest, TooLarge

Encoding = Literal["protobuf", "json"]

# An export of the smallest valid spans within the default limit of bytes has hardly more.
MAX_RECORDS = 1_000_000


class Rejected(Exception):
    """A record that cannot be kept; the text is one of a few fixed reasons."""


class Rejections:
    """Counts what was left out, by reason.

    >>> found = Rejections()
    >>> found.add("trace_id is not 16 bytes", 2)
    >>> found.count, found.reason
    (2, '2 x trace_id is not 16 bytes')
    """

    def __init__(self) -> None:
        self._reasons: Counter[str] = Counter()

    def add(self, reason: str, count: int = 1) -> None:
        if count > 0:
            self._reasons[reason] += count

    def merge(self, other: Rejections) -> None:
        self._reasons.update(other._reasons)

    @property
    def count(self) -> int:
        return self._reasons.total()

    @property
    def reason(self) -> str:
        """Every reason with its count, the commonest first; empty when nothing was left out."""
        return "; ".join(f"{count} x {reason}" for reason, count in self._reasons.most_common())


def malformed(what: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"the body is not {what}: {why}", fix="send an OTLP export in the encoding of content-type"
    )


def too_many_records() -> TooLarge:
    return TooLarge(
        f"the export has more than {MAX_RECORDS} records",
        fix="send it in several requests",
        limit_records=MAX_RECORDS,
    )
