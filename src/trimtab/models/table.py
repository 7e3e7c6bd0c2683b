"""The price table that ships with Trimtab: what it says, parsed and nothing more.

In: `prices.json`, beside this file. Out: one `PricedModel` for each model, with every price it had,
the day each began, and where it was read.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from importlib import resources

import msgspec

from trimtab.records import Price, TieredPrice


class LongContext(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rates of a whole call whose input has more than `input_tokens` tokens."""

    input_tokens: int
    input: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None
    audio_output: Decimal | None = None


class DatedPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars per million tokens from a day on (UTC), until the next entry of the model.

    `unpriced` says why there is no price from that day on. `source` is the page that publishes the
    price, `read_in` where it was read: `page` for that page itself, otherwise what transcribes it.
    """

    since: date
    source: str
    read_in: tuple[str, ...]
    unpriced: str | None = None
    above: LongContext | None = None
    input: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None
    audio_output: Decimal | None = None

    @property
    def price(self) -> Price | None:
        """The price as a record; None where the table says that there is none."""
        if self.unpriced is not None:
            return None
        if self.above is None:
            return _price(self)
        beyond = _price(self.above)
        return TieredPrice.of(_price(self), above=self.above.input_tokens, beyond=beyond)


class PricedModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of one provider. `hosts` are other providers that serve it at the same price."""

    provider: str
    id: str
    prices: tuple[DatedPrice, ...]
    aliases: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All models, and the day the table was last compared with its sources."""

    checked: date
    models: tuple[PricedModel, ...]


def shipped_table() -> Table:
    """The table of this release.

    >>> any(model.id == "gpt-4o" for model in shipped_table().models)
    True
    """
    file = resources.files("trimtab.models") / "prices.json"
    return msgspec.json.decode(file.read_bytes(), type=Table)


def _price(rates: DatedPrice | LongContext) -> Price:
    return Price(**{bucket: getattr(rates, bucket) for bucket in Price.__struct_fields__})
