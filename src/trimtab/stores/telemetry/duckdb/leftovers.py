"""Leftovers: what an erasure has yet to take off the disk, written down before it commits.

A process that is killed between the commit and the overwriting would leave bytes that nothing
names any more. The next one reads here which files they are in, which blobs, and whether free parts
of the database hold rows.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from trimtab.errors import StoreError
from trimtab.kit import jsonx
from trimtab.kit.disk import sync_directory


class Leftovers(msgspec.Struct, frozen=True, kw_only=True):
    """Pack files to be overwritten, and blobs that may not be needed any more.

    `rows`: erased rows are in free parts of the database file or in its log. `asked`: whoever
    erased them was promised that they leave it at once.
    """

    files: frozenset[int] = frozenset()
    blobs: frozenset[str] = frozenset()
    rows: bool = False
    asked: bool = False

    def __bool__(self) -> bool:
        return bool(self.files or self.blobs or self.rows)


class Notes:
    """A file of leftovers, one JSON object a line; used by the writer's thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, noted: Leftovers) -> None:
        """Return when they are noted on disk. Raises StoreError."""
        if not noted:
            return
        try:
            with self._path.open("ab") as file:
                file.write(jsonx.encode(noted) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            sync_directory(self._path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def read(self) -> Leftovers:
        """Everything noted; a line that was cut off belongs to an erasure that did not commit."""
        found = []
        try:
            lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        except OSError as error:
            raise self._unusable(error) from error
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=Leftovers))
            except msgspec.DecodeError:
                continue
        return Leftovers(
            files=frozenset().union(*(one.files for one in found)),
            blobs=frozenset().union(*(one.blobs for one in found)),
            rows=any(one.rows for one in found),
            asked=any(one.asked for one in found),
        )

    def keep(self, left: Leftovers) -> None:
        """Forget everything but this. Raises StoreError."""
        if not left:
            self._forget()
            return
        fresh = Notes(self._path.with_suffix(".erasing.new"))
        fresh._forget()
        fresh.add(left)
        try:
            fresh._path.replace(self._path)
            sync_directory(self._path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def _forget(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(
            f"what is to be erased cannot be noted: {error.strerror}",
            where=str(self._path),
            fix="free space on that disk and check that it is writable",
        )
