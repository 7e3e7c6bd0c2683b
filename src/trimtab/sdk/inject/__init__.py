"""What `trimtab run` injects into a program: a `sitecustomize` of our own, found by PYTHONPATH."""

from __future__ import annotations

from pathlib import Path


def directory() -> str:
    """What goes first on PYTHONPATH."""
    return str(Path(__file__).parent)
