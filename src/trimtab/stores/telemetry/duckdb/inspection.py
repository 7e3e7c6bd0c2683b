"""A look at a store that nobody has open: are its pack files as long as the database says?"""

from __future__ import annotations

from pathlib import Path

import duckdb

from trimtab.errors import StoreError
from trimtab.ports import ShortFile
from trimtab.stores.telemetry.duckdb.connection import fetch, said
from trimtab.stores.telemetry.duckdb.files import PackFiles
from trimtab.stores.telemetry.duckdb.statements import last_bytes


def short_files(path: Path) -> list[ShortFile]:
    """Pack files of the database at `path` that are missing or cut off; it is opened to read only.

    Raises:
        StoreError: the database cannot be read, or is in use.
    """
    files = PackFiles(path.with_suffix(".packs"))
    quoted = str(path).replace("'", "''")
    try:
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{quoted}' AS telemetry (READ_ONLY)")
            connection.execute("USE telemetry")
            ends = fetch(connection, last_bytes())
    except (duckdb.CatalogException, duckdb.BinderException):
        return []  # of a version that kept its payloads elsewhere
    except duckdb.Error as error:
        raise StoreError(f"telemetry cannot be read: {said(error)}", where=str(path)) from error
    return [
        ShortFile(path=files.path(file), size_bytes=files.size(file), expected_bytes=end)
        for file, end in ends
        if files.size(file) < end
    ]
