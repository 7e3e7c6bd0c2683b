"""What `trimtab run` puts first on PYTHONPATH: Python imports it before the program.

It makes room for the `sitecustomize` it stands in front of, then instruments. It never stops the
program: whatever fails here is one line on standard error.
"""

from __future__ import annotations

import sys
from pathlib import Path


def _make_room() -> None:
    """Run the `sitecustomize` that Python would have found without this one."""
    here = str(Path(__file__).parent)
    sys.path[:] = [path for path in sys.path if path != here]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if ours is not None:
            sys.modules.setdefault("sitecustomize", ours)


def _instrument() -> None:
    try:
        from trimtab.sdk.setup import instrument

        instrument()
    except Exception as error:
        sys.stderr.write(f"trimtab: not recorded: {type(error).__name__}: {error}\n")


_make_room()
_instrument()
