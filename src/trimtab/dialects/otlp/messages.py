"""One protobuf message from bytes, repaired where only its texts are broken."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from trimtab.dialects.otlp.outcome import malformed
from trimtab.dialects.otlp.repair import SALVAGED_BYTES
from trimtab.dialects.otlp.wire import repaired

M = TypeVar("M", bound=Message)


def message(data: bytes, kind: type[M]) -> M:
    """Decode a message; texts that are not UTF-8 come with `repair.MARK` in them.

    Raises:
        InvalidRequest: it is broken in another way, or nested too deep.
    """
    try:
        found: M = kind.FromString(data)
    except DecodeError as error:
        if len(data) > SALVAGED_BYTES:
            raise malformed(kind.DESCRIPTOR.name, str(error)) from None
        found = _repaired(data, kind)
    return found


def _repaired(data: bytes, kind: type[M]) -> M:
    try:
        found: M = kind.FromString(repaired(data, kind.DESCRIPTOR))
    except DecodeError as error:
        raise malformed(kind.DESCRIPTOR.name, str(error)) from None
    return found
