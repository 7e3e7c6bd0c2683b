"""The web UI as it was built: its files, and the addresses that are pages of it.

The sources are in `ui/` of the repository; building the package builds them into `static/`.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec

PAGES = (
    "overview",
    "traces",
    "sessions",
    "users",
    "gateway",
    "guards",
    "releases",
    "prompts",
    "playground",
    "datasets",
    "experiments",
    "compare",
    "scorers",
    "plans",
    "probes",
    "audit",
    "settings",
)
"""The first part of each page's address, as `ui/src/pages.ts` has them."""


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file, plain and compressed. `name` is its path below the folder."""

    name: str
    media_type: str
    bodies: Mapping[str, bytes]
    """By content coding: `identity`, and `br` and `gzip` where the file was worth it."""
    etag: str

    @property
    def is_fixed(self) -> bool:
        """Whether its name changes with its content."""
        return self.name.startswith("assets/")


@cache
def assets() -> Mapping[str, Asset]:
    """Every file of the built UI by its path; none where it was not built."""
    folder = Path(str(resources.files("trimtab.ui") / "static"))
    if not (folder / "index.html").is_file():
        return {}
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]
    return {
        path.relative_to(folder).as_posix(): _asset(folder, path)
        for path in paths
        if path.suffix not in (".br", ".gz")
    }


def code_of(path: str) -> Sequence[str]:
    """The files with the code of the page at an address, besides those that every page has.

    At "/" that is the first page.
    """
    told = assets().get("pages.json")
    pages = _pages(told.bodies["identity"]) if told else ()
    return next((files for at, files in pages if path == "/" or at.fullmatch(path)), ())


@cache
def _pages(told: bytes) -> Sequence[tuple[re.Pattern[str], Sequence[str]]]:
    pages = msgspec.json.decode(told, type=list[tuple[str, list[str]]])
    return [(re.compile(re.sub(r":\w+", "[^/]+", path)), files) for path, files in pages]


def _asset(folder: Path, path: Path) -> Asset:
    codings = {"identity": path, "br": Path(f"{path}.br"), "gzip": Path(f"{path}.gz")}
    bodies = {name: one.read_bytes() for name, one in codings.items() if one.is_file()}
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    is_text = kind.startswith("text/") or kind in ("application/json", "image/svg+xml")
    return Asset(
        name=path.relative_to(folder).as_posix(),
        media_type=f"{kind}; charset=utf-8" if is_text else kind,
        bodies=bodies,
        etag=f'"{hashlib.sha256(bodies["identity"]).hexdigest()[:16]}"',
    )
