"""What the gateway is told in the file: routes, allowances and approved models.

The entries are the records that the gateway works with, so what can be written here is what the
API takes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.records import Allowance, ApprovedModel, Route
from trimtab.records.access import allowance_complaint, approved_model_complaint
from trimtab.records.route import RouteDefaults, clashes, route_complaint


def _separate_names(routes: Sequence[Route | None]) -> str | None:
    """A name leads to one route. None stands for one that could not be read."""
    readable = [(at, route) for at, route in enumerate(routes) if route is not None]
    for clash in clashes([route for _, route in readable]):
        first, second = readable[clash.first][0], readable[clash.at][0]
        return f"must not use a name or an alias twice: [{first}] and [{second}] both have one"
    return None


def _one_of_each(entries: Sequence[Any], *fields: str) -> str | None:
    seen: dict[Hashable, int] = {}
    for at, entry in enumerate(entries):
        if entry is None:
            continue
        first = seen.setdefault(tuple(getattr(entry, field) for field in fields), at)
        if first != at:
            return f"must not have two entries with one `{fields[-1]}`: [{first}] and [{at}]"
    return None


def _separate_allowances(entries: Sequence[Allowance | None]) -> str | None:
    return _one_of_each(entries, "project", "kind", "name")


def _separate_models(entries: Sequence[ApprovedModel | None]) -> str | None:
    return _one_of_each(entries, "project", "model")


class GatewaySection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the gateway answers, to whom and how much. The API cannot change what stands here."""

    default_model: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="The model or route that answers a prompt asked for by its name alone.",
        ),
    ] = None
    defaults: Annotated[
        RouteDefaults,
        Meta(
            description="Retries, timeouts and breaker of models that are asked directly, and of "
            "routes that do not say."
        ),
    ] = RouteDefaults()
    routes: Annotated[
        tuple[Annotated[Route, Meta(extra={"check": route_complaint})], ...],
        Meta(
            description="Names that applications ask for, and the models behind them.",
            extra={"check": _separate_names},
        ),
    ] = ()
    allowances: Annotated[
        tuple[Annotated[Allowance, Meta(extra={"check": allowance_complaint})], ...],
        Meta(
            description="What projects, teams, users and keys may spend and ask.",
            extra={"check": _separate_allowances},
        ),
    ] = ()
    approved_models: Annotated[
        tuple[Annotated[ApprovedModel, Meta(extra={"check": approved_model_complaint})], ...],
        Meta(
            description="The models a project may use; without an entry it may use all.",
            extra={"check": _separate_models},
        ),
    ] = ()
    cache_embedder: Annotated[
        Annotated[str, Meta(pattern=r"^(static|onnx:\S[^\n]*|[^/\s:]+/\S+)$(?!\n)", max_length=256)]
        | None,
        Meta(
            description="Embedding model, as provider/model, for routes whose cache has a"
            " `similarity`; `static` for the table that comes with Trimtab, `onnx:FOLDER` for a"
            " sentence transformer on this machine, null for equal requests only."
        ),
    ] = None
