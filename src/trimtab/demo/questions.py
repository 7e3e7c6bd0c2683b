"""The question sets of the docs assistant, read from the files they are kept in."""

from __future__ import annotations

from pathlib import Path

from trimtab.errors import StoreError
from trimtab.kit import jsonx
from trimtab.records import Example

_PACKAGE = Path(__file__).parent


def folder() -> Path:
    """Where the sets are: inside the package, or in a checkout's examples."""
    installed = _PACKAGE / "docs_assistant"
    return installed if installed.is_dir() else _PACKAGE.parents[2] / "examples/docs_assistant"


def traffic() -> list[Example]:
    """The questions that users ask, with what a careful user would know the answer to be."""
    return _read("traffic.jsonl")


def golden() -> list[Example]:
    """The questions a release is judged by; none of them is among the traffic."""
    return [example for example in _read("golden.jsonl") if example.split == "golden"]


def _read(name: str) -> list[Example]:
    path = folder() / name
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise StoreError(
            f"the demo's questions cannot be read: {error.strerror}",
            where=str(path),
            fix="install Trimtab again",
        ) from None
    return [
        jsonx.decode(line, Example, what=f"{name}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
