"""A process that puts a blob larger than its files may be. Usage: file_blobs_full_disk.py ROOT."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from trimtab.errors import NotDurable
from trimtab.stores.blobs.files import FileBlobs


def main(root: Path) -> None:
    blobs = FileBlobs(root)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
    try:
        blobs.put(os.urandom(5_000))
    except NotDurable as error:
        sys.stdout.write(f"refused: {error}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    blobs.put(b"after")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
