"""Where finds lie over one another, the one that is surer stays, and of equals the longer."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from trimtab.signals.pii.view import Hit

_WITHIN_URL = 0.85
"""How sure a find within a URL must be: its path and query hold many numbers that mean nothing."""


def resolved(hits: Iterable[Hit]) -> list[Hit]:
    """Sorted by place. Only a URL stands beside something else: what is surely found within."""
    found = sorted(
        set(hits), key=lambda hit: (-hit.score, hit.start - hit.end, hit.start, hit.kind)
    )
    urls = _apart(hit for hit in found if hit.kind == "url")
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
    starts: list[int] = []
    kept: list[Hit] = []
    for hit in hits:
        place = bisect_left(starts, hit.start)
        clear_before = place == 0 or kept[place - 1].end <= hit.start
        if clear_before and (place == len(kept) or starts[place] >= hit.end):
            starts.insert(place, hit.start)
            kept.insert(place, hit)
    return kept
