"""Who may use which models, and how much: virtual keys, allowances, approved models."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from trimtab.records.record import Record

AllowanceKind = Literal["project", "team", "user", "key"]
OnUnpriced = Literal["allow", "deny"]

EACH = "*"
"""The name of an allowance for every one of its kind that has none of its own."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_USD = Decimal(1_000_000_000)


class VirtualKey(Record, frozen=True, kw_only=True):
    """A credential that Trimtab issued: shown once, kept as `digest` (SHA-256, hex).

    It belongs to a user, the user's team and a project; `hint` is its last four characters.
    `models` are patterns (`openai/*`, route names) of what it may ask for; None means everything
    that its user, team and project may. `expires_ns` is Unix time in nanoseconds.
    """

    key_id: str
    name: str
    project: str = "default"
    digest: str
    hint: str
    user: str | None = None
    team: str | None = None
    permissions: tuple[str, ...] = ("gateway:call",)
    models: tuple[str, ...] | None = None
    expires_ns: int | None = None
    disabled: bool = False
    created_ns: int
    created_by: str = ""


class Allowance(Record, frozen=True, kw_only=True):
    """What one project, team, user or key may spend and ask. None means no limit of its own.

    A request must fit into the allowances of its key, user, team and project alike. `name` is that
    of the team or user, the id of the key, the project itself, or `*` for each that has none of its
    own. Budgets are US dollars of a UTC day and a UTC month; from `soft` (a share of 1) on, answers
    carry a warning. `unpriced` says whether calls without a known price may pass, with a budget or
    without.
    """

    project: str = "default"
    kind: AllowanceKind
    name: str
    models: tuple[str, ...] | None = None
    daily_usd: Decimal | None = None
    monthly_usd: Decimal | None = None
    soft: Annotated[float, Meta(gt=0, le=1)] = 0.8
    unpriced: OnUnpriced = "allow"
    requests_per_minute: Annotated[int, Meta(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Meta(ge=1)] | None = None
    concurrency: Annotated[int, Meta(ge=1)] | None = None

    @property
    def has_budget(self) -> bool:
        return self.daily_usd is not None or self.monthly_usd is not None


class ApprovedModel(Record, frozen=True, kw_only=True):
    """An entry of a project's catalogue of approved models.

    A project with no entry may use every model. `model` is a pattern of model ids; `suitable` and
    `unsuitable` say what it is good for and what not; after `expires` (a UTC day, ISO 8601) it is
    refused.
    """

    project: str = "default"
    model: str
    suitable: str = ""
    unsuitable: str = ""
    expires: str | None = None
    approved_by: str = ""
    approved_ns: int = 0


def allowance_complaint(allowance: Allowance) -> str | None:
    """What is wrong with an allowance that its types allow.

    >>> allowance_complaint(Allowance(kind="team", name="a", daily_usd=Decimal(-1)))
    'must have a `daily_usd` from 0 to a billion'
    """
    if not allowance.name.strip():
        return "must have a `name`"
    if allowance.kind == "project" and allowance.name not in (allowance.project, EACH):
        return f"must have the `name` of its project, {allowance.project!r}"
    for name in ("daily_usd", "monthly_usd"):
        usd = getattr(allowance, name)
        if usd is not None and not (usd.is_finite() and 0 <= usd <= _MOST_USD):
            return f"must have a `{name}` from 0 to a billion"
    return _empty_pattern(allowance.models)


def approved_model_complaint(model: ApprovedModel) -> str | None:
    """What is wrong with an entry of the catalogue that its types allow.

    >>> approved_model_complaint(ApprovedModel(model="openai/*", expires="2026-02-30"))
    'must have an `expires` that is a day of the calendar, written 2026-01-31'
    """
    if model.expires is not None and not _is_day(model.expires):
        return "must have an `expires` that is a day of the calendar, written 2026-01-31"
    return _empty_pattern((model.model,))


def _empty_pattern(patterns: tuple[str, ...] | None) -> str | None:
    return (
        "must not name an empty model" if any(not one.strip() for one in patterns or ()) else None
    )


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return _DAY.fullmatch(text) is not None
