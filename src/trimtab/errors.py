"""Every error Trimtab raises on purpose, in one tree.

TrimtabError                     what, where, fix; fields for programs; never a secret
├── ConfigError                  trimtab.yaml or TRIMTAB_* is wrong: key, got, allowed
├── MissingExtra                 an optional dependency is absent: says how to install it
├── RequestError                 the caller can fix it (HTTP 4xx)
│   ├── InvalidRequest           400  malformed or of the wrong type
│   ├── Blocked                  400  a guard refused it: guard
│   ├── Unauthenticated          401  no valid credential
│   ├── Forbidden                403  a credential without the permission
│   ├── NotFound                 404  no such record, route or model
│   ├── Conflict                 409  a rule of the record's life forbids it (a failed gate)
│   ├── TooLarge                 413  over a stated limit
│   └── RateLimited              429  over a limit that refills: retry_after_s
│       └── BudgetExceeded       429  a budget is spent until its period ends
├── RouteUnavailable             a route is set up so that nothing can answer (HTTP 503): route
├── Overloaded                   too many requests in flight (HTTP 503): retry_after_s
├── ProviderError                a model provider failed (HTTP 502): status
│   ├── ProviderUnavailable      503  could not be reached: retry_after_s
│   └── ProviderTimeout          504  did not answer in time
├── StoreError                   records cannot be read or written (HTTP 503)
│   ├── StoreLocked              another process holds the data directory: pid, url
│   ├── StoreTooNew              written by a newer Trimtab: found, supported
│   └── NotDurable               the record could not be made durable (disk full, read-only)
├── ScorerError                  a scorer is declared or called wrongly
└── MeasureError                 numbers a formula is not defined for
"""

from __future__ import annotations

from typing import Any, ClassVar


class TrimtabError(Exception):
    """Something went wrong that a person can act on.

    Args:
        what: one sentence, no trailing full stop needed.
        where: the place (file and line, JSON path, URL, parameter), if there is one.
        fix: what to do about it, as an instruction.
        **fields: facts for programs; they appear in API errors, so never a secret.

    >>> print(TrimtabError("no such route", where="model", fix="ask GET /v1/models"))
    no such route (at model); ask GET /v1/models
    """

    code: ClassVar[str] = "trimtab_error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 4

    def __init__(
        self, what: str, *, where: str | None = None, fix: str | None = None, **fields: Any
    ) -> None:
        self.what = what
        self.where = where
        self.fix = fix
        self.fields = fields
        super().__init__(what)

    def __str__(self) -> str:
        place = f" (at {self.where})" if self.where else ""
        advice = f"; {self.fix}" if self.fix else ""
        return f"{self.what}{place}{advice}"


class ConfigError(TrimtabError):
    code = "invalid_config"
    exit_code = 2


class MissingExtra(TrimtabError):
    """An optional dependency is absent.

    >>> print(MissingExtra.named("postgres", needed_for="postgresql:// metadata URLs"))
    postgresql:// metadata URLs need the extra [postgres]; run: pip install 'trimtab[postgres]'
    """

    code = "missing_extra"
    exit_code = 2

    @classmethod
    def named(cls, extra: str, *, needed_for: str) -> MissingExtra:
        return cls(
            f"{needed_for} need the extra [{extra}]",
            fix=f"run: pip install 'trimtab[{extra}]'",
            extra=extra,
        )


class RequestError(TrimtabError):
    code = "invalid_request"
    status = 400
    exit_code = 2


class InvalidRequest(RequestError):
    pass


class Blocked(RequestError):
    """A guard refused a request; clients know the code from Azure OpenAI's content filter."""

    code = "content_filter"


class Unauthenticated(RequestError):
    code = "unauthenticated"
    status = 401


class Forbidden(RequestError):
    code = "forbidden"
    status = 403


class NotFound(RequestError):
    code = "not_found"
    status = 404


class Conflict(RequestError):
    code = "conflict"
    status = 409


class TooLarge(RequestError):
    code = "too_large"
    status = 413


class RateLimited(RequestError):
    code = "rate_limited"
    status = 429
    exit_code = 4


class BudgetExceeded(RateLimited):
    code = "budget_exceeded"


class RouteUnavailable(TrimtabError):
    """Whoever set the route up can mend it, not whoever asks for it; asking again is no use."""

    code = "route_unavailable"
    status = 503


class Overloaded(TrimtabError):
    code = "overloaded"
    status = 503


class ProviderError(TrimtabError):
    code = "provider_error"
    status = 502


class ProviderUnavailable(ProviderError):
    code = "provider_unavailable"
    status = 503


class ProviderTimeout(ProviderError):
    code = "provider_timeout"
    status = 504


class StoreError(TrimtabError):
    code = "store_unavailable"
    status = 503


class StoreLocked(StoreError):
    code = "store_locked"
    exit_code = 2


class StoreTooNew(StoreError):
    code = "store_too_new"
    exit_code = 2


class NotDurable(StoreError):
    code = "not_durable"


class ScorerError(TrimtabError):
    code = "invalid_scorer"
    status = 400
    exit_code = 2


class MeasureError(TrimtabError, ValueError):
    code = "undefined_measure"
    status = 400
    exit_code = 2
