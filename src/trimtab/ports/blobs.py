"""Large payloads."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class BlobStore(Protocol):
    """Large payloads by the SHA-256 of their content."""

    def put(self, data: bytes) -> str:
        """Store durably and return the hex digest; storing the same bytes again is free.

        Raises NotDurable.
        """
        ...

    def get(self, digest: str) -> bytes:
        """Raises NotFound when absent, StoreError when the content does not match its digest."""
        ...

    def exists(self, digest: str) -> bool: ...

    def delete(self, digest: str) -> None:
        """Deleting what is absent is not an error."""
        ...

    def backup(self, directory: Path) -> None:
        """Copy what is there into an empty directory."""
        ...
