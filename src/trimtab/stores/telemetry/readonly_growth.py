"""How much longer a SELECT could make text than it was. Pure.

DuckDB makes the texts of some thousand rows at a time, outside its limit of memory, and cannot be
interrupted meanwhile; so a statement that could multiply them is refused before it runs.
"""

from __future__ import annotations

import math

from sqlglot import exp

# A list of letters is as much longer than its text, and a text of many rows than one of them.
_SPREAD = 16
_LONGEST_FORMAT = 200


def growth(statement: exp.Query) -> int:
    """At most so many times longer, all of the statement taken as nested in itself.

    Raises:
        ValueError: it cannot be told, because a replacement or a format is computed; says so.

    >>> import sqlglot
    >>> growth(sqlglot.parse_one("SELECT name || '/' || model FROM spans"))
    2
    """
    gathers = _SPREAD if statement.find(exp.GroupConcat) else 1
    return math.prod((_factor(node) for node in statement.walk()), start=gathers)


def _factor(node: exp.Expr) -> int:
    if isinstance(node, exp.DPipe):
        if isinstance(_outside(node), exp.DPipe):
            return 1  # a part of the chain above
        return _computed(_links(node))
    if isinstance(node, exp.Concat | exp.ConcatWs | exp.Array):
        return _computed(node.expressions)
    if isinstance(node, exp.Split):
        return _SPREAD
    if isinstance(node, exp.Replace):
        replaced = len(_text(node.expression, "what is replaced"))
        return max(
            1,
            math.ceil(len(_text(node.args.get("replacement"), "a replacement")) / max(1, replaced)),
        )
    if isinstance(node, exp.RegexpReplace):
        return 1 + len(_text(node.args.get("replacement"), "a replacement"))
    if (
        isinstance(node, exp.TimeToStr)
        and len(_text(node.args["format"], "a format")) > _LONGEST_FORMAT
    ):
        raise ValueError(f"a format has at most {_LONGEST_FORMAT} characters")
    if isinstance(node, exp.JSONExtract | exp.JSONExtractScalar) and "*" in node.expression.name:
        raise ValueError("a path of JSON names one entry, without *")
    return 1


def _computed(parts: list[exp.Expr]) -> int:
    return max(1, sum(not isinstance(part.unnest(), exp.Literal) for part in parts))


def _links(chain: exp.Expr) -> list[exp.Expr]:
    """What a chain of || joins."""
    found, stack = [], [chain]
    while stack:
        part = stack.pop().unnest()
        if isinstance(part, exp.DPipe):
            stack += [part.left, part.right]
        else:
            found.append(part)
    return found


def _outside(node: exp.Expr) -> exp.Expr | None:
    outer = node.parent
    while isinstance(outer, exp.Paren):
        outer = outer.parent
    return outer


def _text(node: exp.Expr | None, what: str) -> bytes:
    if node is None:
        return b""
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise ValueError(f"{what} has to be a text in quotes")
    return node.name.encode(errors="replace")
