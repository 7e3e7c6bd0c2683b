"""Names of parametrised cases that are the same in every process, as parallel runs need."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def named(value: object) -> str:
    """How a value reads, without the address of an object."""
    return _ADDRESS.sub("", repr(value))
