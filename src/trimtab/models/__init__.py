"""Models: what they are called and what they cost.

In: a model's name and a provider's as they arrive, a time, the tokens of a call. Out: a price or a
cost, or None. The prices are data that ships with Trimtab (`prices.json`) and what the user gives.
Never guesses: a name that is not understood has no price, and no price is not zero.
"""

from trimtab.models.names import Name, read_name
from trimtab.models.prices import Cost, Override, Prices, price_call
from trimtab.models.table import DatedPrice, LongContext, PricedModel, Table, shipped_table

__all__ = [
    "Cost",
    "DatedPrice",
    "LongContext",
    "Name",
    "Override",
    "PricedModel",
    "Prices",
    "Table",
    "price_call",
    "read_name",
    "shipped_table",
]
