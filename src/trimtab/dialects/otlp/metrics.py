"""Exports of metrics: counted, not kept. SDKs send them unasked and retry when refused."""

from __future__ import annotations

from trimtab.dialects.otlp import plain, wire
from trimtab.dialects.otlp.outcome import Encoding


def count_metrics(body: bytes, encoding: Encoding) -> int:
    """How many metrics an export has.

    Raises:
        InvalidRequest: it is not an export, or was cut off.
        TooLarge: more records than one request may have.

    >>> count_metrics(b"", "protobuf")
    0
    """
    if encoding == "json":
        found = plain.groups(body, "resourceMetrics", "scopeMetrics", "metrics")
        return sum(len(group.records) for group in found)
    return sum(piece.records for piece in wire.pieces(body))
