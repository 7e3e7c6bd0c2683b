"""From DuckDB's SQL, in which queries are written, to ClickHouse's.

SQLGlot does most of it. What it does not know is in the tables below, each beside what it stands
for; `design/008-clickhouse.md` says why. Parameters get their type from their value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import sqlglot
from sqlglot import exp

from trimtab.stores.telemetry.queries import Query

_INT64 = 1 << 63
_GIVEN = "given_"
_PARAMETER = re.compile(r"\$(\w+)")

# An entry of a JSON object as text: NULL where it is missing or null.
_ENTRY = """multiIf(NOT JSONHas({json}, {key}), NULL,
    JSONType({json}, {key}) = 'String', JSONExtractString({json}, {key}),
    nullIf(JSONExtractRaw({json}, {key}), 'null'))"""
_FUNCTIONS = {
    "array_to_string": "arrayStringConcat",
    "make_timestamp": "fromUnixTimestamp64Micro",
    "len": "length",
}


class Statement(NamedTuple):
    """SQL in ClickHouse's dialect, and the values of its parameters."""

    sql: str
    parameters: dict[str, Any]


def transpiled(query: Query) -> Statement:
    """A query and its parameters as ClickHouse takes them.

    >>> transpiled(Query("SELECT seq FROM spans WHERE name = $name", {"name": "chat"}))
    Statement(sql='SELECT seq FROM spans WHERE name = {name:String}', parameters={'name': 'chat'})
    """
    values = {name: _value(value) for name, value in query.parameters.items()}
    types = tuple((name, _type(value)) for name, value in values.items())
    text = _translated(query.sql, types)
    for name in text.keys & set(values):
        # The path of a JSON entry is its name here; DuckDB wants it as $."name".
        values[name] = msgspec.json.decode(values[name][2:])
    return Statement(text.sql, {name: values[name] for name in text.used})


def converted(statement: exp.Expr) -> exp.Expr:
    """A statement of DuckDB's rewritten where SQLGlot would write what ClickHouse does not know."""
    root = exp.Paren(this=statement)
    # The inner ones first, so that what is put in place of an outer one holds them.
    for node in reversed(list(statement.walk())):
        rewrite = _REWRITES.get(type(node))
        if rewrite is not None and (fresh := rewrite(node)) is not node:
            node.replace(fresh)
    found: exp.Expr = root.this
    return found


class _Text(NamedTuple):
    sql: str
    used: frozenset[str]
    keys: frozenset[str]


@lru_cache(maxsize=2_000)
def _translated(sql: str, types: tuple[tuple[str, str], ...]) -> _Text:
    # SQLGlot takes some $name for the start of a string in dollars; a column is always one.
    statement = sqlglot.parse_one(_PARAMETER.sub(rf"{_GIVEN}\1", sql), read="duckdb")
    keys = frozenset(
        found.name.removeprefix(_GIVEN)
        for extract in statement.find_all(exp.JSONExtractScalar)
        if (found := extract.expression).name.startswith(_GIVEN)
    )
    known = dict(types)
    used = set()
    statement = converted(statement)
    for parameter in list(statement.find_all(exp.Column)):
        if not parameter.name.startswith(_GIVEN):
            continue
        name = parameter.name.removeprefix(_GIVEN)
        used.add(name)
        typed = f"{{{name}:{known[name]}}}"
        parameter.replace(exp.Var(this=typed))
    return _Text(statement.sql(dialect="clickhouse"), frozenset(used), keys)


def _call(name: str, *arguments: Any) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _quantile(node: exp.Expr) -> exp.Expr:
    level = node.expression.sql(dialect="clickhouse")
    return exp.Anonymous(this=f"quantileExactInclusive({level})", expressions=[node.this])


def _entry(json: exp.Expr, key: exp.Expr) -> exp.Expr:
    text = _ENTRY.replace("{json}", "json_").replace("{key}", "key_")
    tree = sqlglot.parse_one(text, read="clickhouse")
    for column in list(tree.find_all(exp.Column)):
        if column.name in {"json_", "key_"}:
            column.replace((json if column.name == "json_" else key).copy())
    return tree


def _try_cast(node: exp.Expr) -> exp.Expr:
    if node.args["to"].is_type("double"):
        return _call("toFloat64OrNull", node.this)
    return node


def _in(node: exp.Expr) -> exp.Expr:
    """`x IN (SELECT unnest($ids::T[]))` as `x IN $ids`, which can use an index."""
    query: exp.Expr | None = node.args.get("query")
    if query is None or query.find(exp.From) or not query.find(exp.Explode, exp.Unnest):
        return node
    if (found := query.find(exp.Column)) is None:
        return node
    return exp.In(this=node.this, field=found.copy())


def _join(node: exp.Expr) -> exp.Expr:
    """`spans, unnest(tags) AS one(one_tag)` as `spans ARRAY JOIN tags AS one_tag`."""
    if not isinstance(node.this, exp.Unnest):
        return node
    [listed], [column] = node.this.expressions, node.this.alias_column_names
    return exp.Join(this=exp.alias_(listed.copy(), column), kind="ARRAY")


def _anonymous(node: exp.Expr) -> exp.Expr:
    if node.name == "clickhouse_entry":
        return _entry(*node.expressions)
    name = _FUNCTIONS.get(node.name.lower())
    return node if name is None else _call(name, *node.expressions)


_REWRITES: Mapping[type[exp.Expr], Any] = {
    exp.PercentileCont: _quantile,
    exp.LogicalOr: lambda node: _call("max", node.this),
    exp.LogicalAnd: lambda node: _call("min", node.this),
    exp.Lower: lambda node: _call("lowerUTF8", node.this),
    exp.Length: lambda node: _call("length", node.this),
    exp.ArraySize: lambda node: _call("length", node.this),
    exp.ArrayToString: lambda node: _call("arrayStringConcat", node.this, node.expression),
    exp.IntDiv: lambda node: _call("intDiv", node.this, node.expression),
    exp.JSONExtractScalar: lambda node: _entry(node.this, node.expression),
    exp.TryCast: _try_cast,
    exp.In: _in,
    exp.Join: _join,
    exp.Anonymous: _anonymous,
}


def _value(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT64 <= value < _INT64:
        return math.copysign(math.inf, value)
    return value


def _type(value: Any) -> str:
    if isinstance(value, list):
        return f"Array({_type(value[0]) if value else 'String'})"
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name
    raise TypeError(f"no parameter can be a {type(value).__name__}")


# In this order: a bool is an int.
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "Bool"),
    (int, "Int64"),
    (float, "Float64"),
    (Decimal, "Decimal(38, 9)"),
    (str, "String"),
)
