"""What the routes over recorded spans share: the filter, the page, and the query they make."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args

from trimtab.api.http import Request
from trimtab.dialects import filter as language
from trimtab.errors import InvalidRequest
from trimtab.ports import GroupField, SpanQuery, TraceSort
from trimtab.records import AllOf, Condition, Filter

FILTER = {"filter": 'which ones, for example status:error cost_usd>0.01 "refund" since:24h'}
PAGE = {"page": "`next` of the page before this one"}
SORTS: Sequence[TraceSort] = get_args(TraceSort)
GROUP_FIELDS: Sequence[GroupField] = get_args(GroupField)

_PAGE = re.compile(r"(-?[0-9]{1,19})\.([0-9A-Za-z_-]{1,64})")
_INT64 = (1 << 63) - 1


def asked(request: Request, *, limit: int, **more: Any) -> SpanQuery:
    """The query that `filter` and `page` of a request make.

    Raises:
        InvalidRequest: one of them cannot be read; says where.
    """
    where = filter_of(request)
    where, since_ns, until_ns = period(where)
    return SpanQuery(
        project=request.project,
        where=where,
        since_ns=since_ns,
        until_ns=until_ns,
        page=_page(request),
        limit=limit,
        **more,
    )


def filter_of(request: Request) -> Filter | None:
    """The request's filter. Raises InvalidRequest."""
    return language.parse(request.query.get("filter", ""), now_ns=request.app.clock.now_ns())


def period(where: Filter | None) -> tuple[Filter | None, int | None, int | None]:
    """A filter without the conditions on time that hold for all of it, and the period they make.

    A store finds a period much faster than it answers a condition.
    """
    parts = where.of if isinstance(where, AllOf) else () if where is None else (where,)
    rest = [part for part in parts if not _is_about(part, "since", "until")]
    since, until = _times(parts, "since"), _times(parts, "until")
    left = rest[0] if len(rest) == 1 else AllOf(of=tuple(rest)) if rest else None
    return left, max(since, default=None), min(until, default=None)


def moment(request: Request, name: str, default: str = "") -> int | None:
    """A time as the filter language reads it, `7d` or `2026-11-01`. Raises InvalidRequest.

    Args:
        name: of the parameter, `since` or `until`.
    """
    text = request.query.get(name, default)
    if not text:
        return None
    where = language.parse(f"{name}:{language.spelt(text)}", now_ns=request.app.clock.now_ns())
    return next(found for found in period(where)[1:] if found is not None)


def _is_about(part: Filter, *fields: str) -> bool:
    return isinstance(part, Condition) and part.field in fields


def _times(parts: Sequence[Filter], field: str) -> list[int]:
    return [
        int(value)
        for part in parts
        if isinstance(part, Condition) and part.field == field
        for value in part.values
    ]


def token(start_ns: int, id: str) -> str:
    """The page that comes after a row."""
    return f"{start_ns}.{id}"


def _page(request: Request) -> tuple[int, str] | None:
    text = request.query.get("page")
    if text is None:
        return None
    match = _PAGE.fullmatch(text)
    if match is None or abs(int(match[1])) > _INT64:
        raise InvalidRequest(
            f"{text[:50]!r} is not a page",
            where="query parameter page",
            fix="send `next` of the answer before, or leave it out for the first page",
        )
    return int(match[1]), match[2]


def sort_of(request: Request, allowed: Sequence[TraceSort] = SORTS) -> TraceSort:
    """By what an answer is sorted; "start" unless the request says. Raises InvalidRequest."""
    said = request.choice("sort", allowed)
    return next((each for each in allowed if each == said), "start")


def group_field(request: Request, name: str) -> GroupField | None:
    """A query parameter that is a field to group by. Raises InvalidRequest."""
    request.choice(name, GROUP_FIELDS)
    return next((field for field in GROUP_FIELDS if field == request.query.get(name)), None)
