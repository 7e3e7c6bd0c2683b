"""Where finds lie over one another, the one that is surer stays, and of equals the longer."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from operator import itemgetter

from trimtab.signals.pii.view import Hit

_START = itemgetter(0)
_WITHIN_URL = 0.85
"""How sure a find within a URL must be: its path and query hold many numbers that mean nothing."""


def resolved(hits: Iterable[Hit]) -> list[Hit]:
    """Sorted by place. Only a URL stands beside something else: what is surely found within."""
    ranked = sorted((-score, start - end, start, kind) for start, end, kind, score in set(hits))
    found = [Hit(start, start - less, kind, -score) for score, less, start, kind in ranked]
    urls = _apart(hit for hit in found if hit.kind == "url")
    if not urls:
        return sorted(_apart(found))
    others = (hit for hit in found if hit.kind != "url")
    kept = _apart(hit for hit in others if _stands(hit, urls))
    return sorted(urls + kept)


def _stands(hit: Hit, urls: list[Hit]) -> bool:
    after = bisect_left(urls, hit.end, key=lambda url: url.start)
    if after == 0 or urls[after - 1].end <= hit.start:
        return True
    return hit.score >= _WITHIN_URL and hit.kind != "domain_name"


def _apart(hits: Iterable[Hit]) -> list[Hit]:
    """Those that lie over none before them, sorted by place."""
    taken = bytearray()
    kept: list[Hit] = []
    for hit in hits:
        start, end, _, _ = hit
        if end > len(taken):
            taken.extend(bytes(end - len(taken)))
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\1" * (end - start)
            kept.append(hit)
    kept.sort(key=_START)
    return kept
