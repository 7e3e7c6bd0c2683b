"""Records to the JSON text of a `body` column, and back."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from trimtab.errors import StoreError
from trimtab.kit.jsonx import encode
from trimtab.records import Record
from trimtab.stores.metadata.faults import unstorable

R = TypeVar("R", bound=Record)


def dump(record: Record) -> str:
    """Raises InvalidRequest when a text in it cannot be encoded."""
    try:
        return encode(record).decode()
    except UnicodeEncodeError:
        raise unstorable() from None


def load(body: str, kind: type[R]) -> R:
    """Raises StoreError when the text is not a `kind`; what it does not know is ignored."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"a stored {kind.__name__.lower()} cannot be read: {error}",
            fix="restore the metadata database from a backup",
        ) from None
