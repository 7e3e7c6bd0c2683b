"""Refusals: which answers of a provider may be tried again. Pure: status and headers in.

The statuses are those that the official clients of OpenAI and Anthropic retry (408, 409, 429, from
500 up, and what `x-should-retry` says), with 425 (RFC 8470). Not 501 and 505, which the same
request will always get. 403 and 404 are about a model at one target: others are asked, this one is
not asked again, and no breaker opens, because they may be about one request only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from trimtab.errors import TrimtabError

_AGAIN = frozenset({408, 409, 425, 429})
_NEVER = frozenset({501, 505})
# Of this model at this target: another may have it, and be allowed to give it.
_ELSEWHERE = frozenset({403, 404})
_NS_PER_S = 1_000_000_000


class Retryable(Exception):
    """Raised by a call: nothing came that could go to the caller, and it may be tried again.

    Args:
        error: what the caller is told if nothing else answers. One with the field `status` is an
            answer of the provider, which goes before errors without.
        retry_after_s: how long the provider wants to be left alone; by default what the field
            `retry_after_s` of the error says.
        failure: whether the target is at fault, which opens breakers; a 429 is never its fault.
        again: whether this target may be asked again; others may be in any case.
    """

    def __init__(
        self,
        error: TrimtabError,
        *,
        retry_after_s: float | None = None,
        failure: bool = True,
        again: bool = True,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        if retry_after_s is None:
            retry_after_s = error.fields.get("retry_after_s")
        self.retry_after_s = retry_after_s
        self.again = again
        self.limited = error.fields.get("status") == 429
        self.failure = failure and not self.limited


def is_retried(status: int) -> bool:
    """Whether this target may be tried again after an answer with this status.

    >>> [is_retried(status) for status in (200, 400, 401, 404, 422, 429, 503, 529)]
    [False, False, False, False, False, True, True, True]
    """
    return status in _AGAIN or (status >= 500 and status not in _NEVER)


def retryable(
    error: TrimtabError, status: int, headers: Mapping[str, str], *, now_ns: int
) -> Retryable | None:
    """What to raise for an answer that may be tried again; None if it is final.

    Args:
        error: what the caller is told if nothing else answers; should have the field `status`.
        headers: names in lower case. `x-should-retry: false` keeps the target from being asked
            again, `true` lets it be where the status does not.
        now_ns: Unix time, for a Retry-After that is a date.
    """
    advice = headers.get("x-should-retry")
    asked = advice == "true" and status >= 400
    elsewhere = status in _ELSEWHERE
    if not (asked or elsewhere or is_retried(status)):
        return None
    return Retryable(
        error,
        retry_after_s=retry_after_s(headers, now_ns=now_ns),
        failure=status >= 500 and status not in _NEVER,
        again=asked or not (advice == "false" or elsewhere),
    )


def retry_after_s(headers: Mapping[str, str], *, now_ns: int) -> float | None:
    """Seconds to wait by `retry-after-ms`, else by `retry-after` (RFC 9110, section 10.2.3).

    None where neither is there or can be read; a date that has passed is 0.

    >>> retry_after_s({"retry-after-ms": "250", "retry-after": "1"}, now_ns=0)
    0.25
    >>> retry_after_s({"retry-after": "Thu, 01 Jan 1970 00:00:30 GMT"}, now_ns=10_000_000_000)
    20.0
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        seconds = _number(value)
        if seconds is not None:
            return seconds * scale
        if name == "retry-after" and (moment_s := _date(value)) is not None:
            return max(0.0, moment_s - now_ns / _NS_PER_S)
    return None


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
