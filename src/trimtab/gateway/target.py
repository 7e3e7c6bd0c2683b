"""Target: a model that can be called."""

from __future__ import annotations

import msgspec

from trimtab.ports import Provider
from trimtab.records import ModelCard


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can be called: who offers it, and the name it has there."""

    provider: Provider
    model: str
    card: ModelCard

    @property
    def id(self) -> str:
        """`provider/model`."""
        return self.card.id
