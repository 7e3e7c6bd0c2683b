"""The seam to models: what a plan asks, of whom, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

import msgspec


class On(msgspec.Struct, frozen=True, kw_only=True):
    """The step that asks: its span, which the call's span goes under, and what the record says.

    `prompt`: it must be a prompt that answers to the name.
    """

    trace_id: str
    span_id: str
    prompt: bool = False
    attributes: Mapping[str, Any] = {}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a model. `pinned` is the release or the prompt version that it came by."""

    text: str
    model: str | None = None
    pinned: str | None = None
    cost_usd: Decimal | None = None


class Ask(Protocol):
    """Asks models for one run, on behalf of whoever started it."""

    async def __call__(self, request: Mapping[str, Any], on: On) -> Said:
        """The answer to a chat completion; guards, limits and budgets of the caller hold.

        Raises:
            RateLimited, Overloaded: too many are asked at once; it can be asked again.
            ProviderError: nobody answered, or not to the end.
            RequestError: it may not be asked, or not like this; `cost_usd` is among its fields
                where a provider said so, and what that cost.
        """
        ...

    def most_usd(self, request: Mapping[str, Any]) -> Decimal:
        """What a call can cost at most.

        Raises:
            InvalidRequest: nobody can say.
        """
        ...
