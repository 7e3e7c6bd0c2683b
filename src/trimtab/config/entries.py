"""A file with one entry of the configuration, such as a route, for those who send it elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trimtab.config.load import read
from trimtab.config.problem import config_error
from trimtab.config.tree import Leaf, Listing, Tree


def read_entries(path: Path) -> dict[str, Any]:
    """The `name: value` lines of a YAML or JSON file as plain values.

    Raises:
        ConfigError: it cannot be read; says where.
    """
    tree, problems = read(path, path.name)
    if problems:
        raise config_error(problems)
    plain: dict[str, Any] = _plain(tree)
    return plain


def _plain(tree: Tree) -> Any:
    if isinstance(tree, Leaf):
        return tree.value
    if isinstance(tree, Listing):
        return [_plain(item) for item in tree.items]
    return {name: _plain(item) for name, item in tree.items.items()}
