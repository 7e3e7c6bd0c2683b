"""What all records share: frozen, slotted, keyword-only; unknown fields are ignored when read."""

from __future__ import annotations

import msgspec

from trimtab.kit.jsonx import Json

__all__ = ["Json", "Record"]


class Record(msgspec.Struct, frozen=True):
    """Base of every record; each repeats `frozen` and `kw_only`, which msgspec does not pass on."""
