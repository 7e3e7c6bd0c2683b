"""Steps of a schema: numbered SQL files, applied once each, remembered with their checksums.

A store that knows a number this version does not is left alone; so is one whose applied file has
another text than ours, because then its tables may not be what our queries expect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from trimtab.errors import StoreError, StoreTooNew
from trimtab.kit.hashing import sha256_hex

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


class Migration(NamedTuple):
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256_hex(self.sql.encode())


def migrations_in(package: str) -> list[Migration]:
    """The steps whose files a package holds, in order."""
    return sorted(
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in files(package).iterdir()
        if (match := _FILE.fullmatch(file.name))
    )


def require_known(applied: Mapping[int, str], known: Sequence[Migration], place: str) -> None:
    """Refuse a store that this version did not write.

    Args:
        applied: the checksum of each step that the store remembers, by number.
    Raises:
        StoreTooNew: a later version of Trimtab has changed the schema.
        StoreError: an applied step is not the one this version knows.
    """
    newest = max((step.number for step in known), default=0)
    found = max(applied, default=0)
    if found > newest:
        raise StoreTooNew(
            "the telemetry store was written by a newer Trimtab",
            where=place,
            fix="run the version that wrote it, or a newer one",
            found=found,
            supported=newest,
        )
    for step in known:
        if applied.get(step.number, step.checksum) != step.checksum:
            raise StoreError(
                f"migration {step.number:04d}_{step.name} was applied with another text",
                where=place,
                fix="run the version that wrote this store; applied migrations are never edited",
                number=step.number,
            )
