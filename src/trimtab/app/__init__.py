"""Composition root: a configuration becomes a running application.

The only package that names adapters.
"""

from trimtab.app.application import App
from trimtab.app.move import Move, move, short_files
from trimtab.app.providers import documentation
from trimtab.app.worker import Worker

__all__ = ["App", "Move", "Worker", "documentation", "move", "short_files"]
