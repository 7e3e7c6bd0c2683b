"""Declarations of plans as text, YAML or JSON, read into plain values; bounded, and no more."""

from __future__ import annotations

from typing import Any

from trimtab.config.document import parse
from trimtab.config.problem import config_error
from trimtab.config.tree import Leaf, Listing, Tree
from trimtab.errors import ConfigError, InvalidRequest, TooLarge
from trimtab.kit import jsonx
from trimtab.plans.declared import MOST_BYTES


def declaration(data: bytes, source: str) -> Any:
    """The value that a text declares.

    Args:
        source: the name of the file, for errors.
    Raises:
        TooLarge: it is longer than any plan may be.
        InvalidRequest: neither YAML nor JSON, or with anchors, tags or keys that stand twice.
    """
    if len(data) > MOST_BYTES:
        raise TooLarge(
            f"a plan is at most {MOST_BYTES} bytes, and this is {len(data)}",
            where=source,
            fix="do what is alike in one step with `each`, or make several plans",
        )
    if not data.strip():
        raise InvalidRequest(f"{source} is empty", where="$", fix="send a plan as YAML or JSON")
    if data.lstrip()[:1] == b"{":
        return jsonx.decode(data, what="the plan")
    try:
        document = parse(data.decode("utf-8-sig"), source)
        if document.problems:
            raise config_error(document.problems)
    except UnicodeDecodeError:
        raise InvalidRequest("the plan is not UTF-8 text", where=source, fix="save it so") from None
    except ConfigError as error:
        raise InvalidRequest(error.what, where=error.where or source, fix=error.fix) from None
    return _plain(document.tree)


def _plain(tree: Tree) -> Any:
    if isinstance(tree, Leaf):
        return tree.value
    if isinstance(tree, Listing):
        return [_plain(item) for item in tree.items]
    return {name: _plain(item) for name, item in tree.items.items()}
