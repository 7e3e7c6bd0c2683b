"""Filter to SQL conditions over the telemetry schema.

Values never become part of the text: they are named parameters. What only payloads can answer (text
and attributes) each store turns into a condition of its own. A span that does not say whose it is
(session and user) is its trace's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Protocol

from trimtab.errors import InvalidRequest
from trimtab.records import AllOf, Condition, Filter, Not
from trimtab.records.filter import FIELDS, Value
from trimtab.stores.telemetry.rows import INPUT_TOKENS, OUTPUT_TOKENS, UNPRICED

PAYLOAD_FIELDS = frozenset({"text", "attributes"})
OWNERS = {"session": "session", "user": '"user"'}
"""What holds for a whole trace when some span of it says so, with its column."""
_NEARBY_NS = 24 * 3_600_000_000_000

# Of one span.
_EXPRESSIONS = {
    "user": '"user"',
    "duration_ms": "(duration_ns / 1e6)",
    "ttft_ms": "((first_token_ns - start_ns) / 1e6)",
    "input_tokens": INPUT_TOKENS,
    "output_tokens": OUTPUT_TOKENS,
    "tokens": f"({INPUT_TOKENS} + {OUTPUT_TOKENS})",
    "cost_usd": "cost_usd",
    "root": "(parent_id IS NULL)",
    "open": "open",
    # Of model calls only, and of none that had nothing to pay.
    "priced": f"(CASE WHEN {UNPRICED} THEN FALSE"
    " WHEN kind = 'llm' AND cost_usd IS NOT NULL THEN TRUE END)",
    "since": "start_ns",
    "until": "start_ns",
}
# Of all spans of a trace.
_SUMS = {
    "duration_ms": "((max(start_ns + duration_ns) - min(start_ns)) / 1e6)",
    "input_tokens": f"coalesce(sum({INPUT_TOKENS}), 0)",
    "output_tokens": f"coalesce(sum({OUTPUT_TOKENS}), 0)",
    "tokens": f"coalesce(sum({INPUT_TOKENS} + {OUTPUT_TOKENS}), 0)",
    "cost_usd": "sum(cost_usd)",
}
_SCORED = """(
    (trace_id, span_id) IN (SELECT (s.target_trace_id, s.target_id) FROM scores AS s
        WHERE s.target_kind = 'span' AND {found})
    OR trace_id IN (SELECT s.target_id FROM scores AS s WHERE s.target_kind = 'trace' AND {found}))
"""
# Whose a trace is: its root says it, or else the earliest span that does.
_FIRST_NAMED = "arg_min({column}, CASE WHEN parent_id IS NULL THEN 0 ELSE start_ns END)"
# Only traces in which a span meets the condition can be those that are looked for.
_OWNED = """({own} OR {column} IS NULL AND trace_id IN (
    SELECT trace_id FROM spans
    WHERE project = $project AND {column} IS NOT NULL AND {nearby} AND trace_id IN (
        SELECT trace_id FROM spans WHERE project = $project AND {own} AND {nearby})
    GROUP BY trace_id HAVING {owner}))"""
_OWNED_BY_ANYBODY = """(trace_id IN (
    SELECT trace_id FROM spans WHERE project = $project AND {column} IS NOT NULL AND {nearby}))"""
_WITH_OWNER = """spans LEFT JOIN (
    SELECT trace_id, {first} AS owner FROM spans
    WHERE project = $project AND {column} IS NOT NULL AND {nearby}
    GROUP BY trace_id) AS owned USING (trace_id)"""
_TIMES = {"since": ">=", "until": "<"}


class Search(Protocol):
    """How a store answers conditions on what payloads hold: text that was said, attributes."""

    def __call__(self, where: Where, condition: Condition) -> str:
        """A condition in SQL, whose parameters are bound by `where`."""
        ...


class Where:
    """Conditions joined by AND, with their parameters.

    Args:
        since, until: the period that the conditions are about; None is without a bound.
    """

    def __init__(self, since: int | None = None, until: int | None = None) -> None:
        self._since = since
        self._until = until
        self._conditions: list[str] = []
        self.parameters: dict[str, Any] = {}

    @property
    def text(self) -> str:
        return " AND ".join(self._conditions) or "true"

    def add(self, condition: str, **parameters: Any) -> None:
        self._conditions.append(condition)
        self.parameters.update(parameters)

    def equal(self, column: str, value: str | None) -> None:
        """Nothing when the value is None, which means any."""
        if value is not None:
            self.add(f"{column} = ${column}", **{column: value})

    def compare(self, column: str, sign: str, parameter: str, value: int | None) -> None:
        if value is not None:
            self.add(f"{column} {sign} ${parameter}", **{parameter: value})

    def bind(self, value: Any) -> str:
        """A placeholder for a value under a name of its own."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def nearby(self) -> str:
        """The condition that a span may be of a trace of the period: it starts within a day."""
        bounds = []
        if self._since is not None:
            bounds.append(f"start_ns >= {self.bind(self._since - _NEARBY_NS)}")
        if self._until is not None:
            bounds.append(f"start_ns < {self.bind(self._until + _NEARBY_NS)}")
        return " AND ".join(bounds) or "true"

    def numbered(self, seqs: Iterable[int]) -> str:
        """The condition that a span has one of these numbers."""
        return f"seq IN (SELECT unnest({self.bind(sorted(seqs))}::BIGINT[]))"


def of_span(where: Where, tree: Filter, search: Search) -> str:
    """The condition that a span meets a filter."""

    def leaf(condition: Condition) -> str:
        if condition.field in OWNERS:
            return _owned(where, condition)
        return _leaf(where, condition, search)

    return _tree(tree, leaf)


def with_owner(where: Where, field: str) -> tuple[str, str]:
    """The spans as a source in which each has its session or user or its trace's; and its name."""
    column = OWNERS[field]
    first = _FIRST_NAMED.replace("{column}", column)
    source = _WITH_OWNER.replace("{first}", first).replace("{column}", column)
    return source.replace("{nearby}", where.nearby()), f"coalesce({column}, owner)"


def of_trace(where: Where, tree: Filter, search: Search) -> str:
    """The condition that a group of a trace's spans meets a filter, for HAVING."""

    def leaf(condition: Condition) -> str:
        expression = _SUMS.get(condition.field)
        if expression is not None and condition.op != "exists":
            return _compared(where, condition, expression)
        if condition.field in _TIMES:
            return _any_value(where, condition, "min(start_ns)", _TIMES[condition.field])
        return f"coalesce(bool_or({_leaf(where, condition, search)}), false)"

    return _tree(tree, leaf)


def conditions(tree: Filter | None) -> Iterator[Condition]:
    """Every condition of a filter."""
    if isinstance(tree, Condition):
        yield tree
    elif isinstance(tree, Not):
        yield from conditions(tree.of)
    elif tree is not None:
        for part in tree.of:
            yield from conditions(part)


def _tree(tree: Filter, leaf: Callable[[Condition], str]) -> str:
    if isinstance(tree, Condition):
        return leaf(tree)
    if isinstance(tree, Not):
        return f"NOT coalesce({_tree(tree.of, leaf)}, false)"
    word = " AND " if isinstance(tree, AllOf) else " OR "
    parts = [_tree(part, leaf) for part in tree.of]
    return f"({word.join(parts)})" if parts else str(isinstance(tree, AllOf)).lower()


def _leaf(where: Where, condition: Condition, search: Search) -> str:
    field = condition.field
    if field not in FIELDS:
        raise InvalidRequest(
            f"there is no field {field!r}", where="filter", fix=f"use one of {', '.join(FIELDS)}"
        )
    if field in PAYLOAD_FIELDS:
        return search(where, condition)
    if field == "score":
        return _score(where, condition)
    if field == "tag":
        return _tag(where, condition)
    if field == "metadata":
        path = where.bind(json_path(condition.key or ""))
        return _compared(where, condition, f"json_extract_string(nullif(metadata, ''), {path})")
    if field in _TIMES:
        return _any_value(where, condition, "start_ns", _TIMES[field])
    return _compared(where, condition, _EXPRESSIONS.get(field, field))


def _owned(where: Where, condition: Condition) -> str:
    """The condition on a span's session or user, or on its trace's where it has none."""
    column = OWNERS[condition.field]
    if condition.op == "exists":
        text = _OWNED_BY_ANYBODY
    else:
        first = _FIRST_NAMED.replace("{column}", column)
        text = _OWNED.replace("{own}", _compared(where, condition, column))
        text = text.replace("{owner}", _compared(where, condition, first))
    return text.replace("{column}", column).replace("{nearby}", where.nearby())


def _compared(where: Where, condition: Condition, expression: str) -> str:
    if condition.op == "exists":
        return f"({expression} IS NOT NULL)"
    kind = FIELDS[condition.field]
    if condition.op == "contains":
        return _contains(where, condition, expression)
    if kind == "entry" and condition.op != "=":
        expression = f"try_cast({expression} AS DOUBLE)"
    if kind in {"text", "entry"} and condition.op == "=":
        texts = [text_of_value(value) for value in condition.values]
        names = ", ".join(where.bind(text) for text in texts)
        return f"({expression} IN ({names}))"
    return _any_value(where, condition, expression, condition.op)


def _any_value(where: Where, condition: Condition, expression: str, sign: str) -> str:
    parts = [f"{expression} {sign} {where.bind(number(value))}" for value in condition.values]
    return f"({' OR '.join(parts) or 'false'})"


def _contains(where: Where, condition: Condition, expression: str) -> str:
    parts = [
        f"contains(lower({expression}), {where.bind(text_of_value(value).lower())})"
        for value in condition.values
    ]
    return f"({' OR '.join(parts) or 'false'})"


def _tag(where: Where, condition: Condition) -> str:
    if condition.op == "exists":
        return "(len(tags) > 0)"
    if condition.op == "contains":
        parts = [
            f"contains(lower(array_to_string(tags, ' ')), {where.bind(str(value).lower())})"
            for value in condition.values
        ]
    else:
        parts = [f"list_contains(tags, {where.bind(str(value))})" for value in condition.values]
    return f"({' OR '.join(parts) or 'false'})"


def _score(where: Where, condition: Condition) -> str:
    """A score of the span, or of its whole trace."""
    inner = ["s.project = $project", f"s.name = {where.bind(condition.key or '')}"]
    if condition.op == "exists":
        inner.append("s.status = 'scored'")
    elif condition.op == "=":
        inner.append(_score_equals(where, condition))
    else:
        judged = "coalesce(s.value, CAST(s.passed AS DOUBLE))"
        inner.append(_any_value(where, condition, judged, condition.op))
    return _SCORED.replace("{found}", " AND ".join(inner))


def _score_equals(where: Where, condition: Condition) -> str:
    """By label or by passed (`true`, `false`), or by number."""
    parts = []
    for value in condition.values:
        parts.append(f"s.label = {where.bind(text_of_value(value))}")
        if isinstance(value, bool):
            parts.append(f"s.passed = {where.bind(value)}")
        elif isinstance(value, int | Decimal):
            parts.append(f"s.value = {where.bind(number(value))}")
        else:
            parts.append(f"s.status = {where.bind(value)}")
    return f"({' OR '.join(parts) or 'false'})"


def number(value: Value) -> Any:
    """A value for a comparison: Decimals as floats, which every engine compares alike."""
    return float(value) if isinstance(value, Decimal) else value


def text_of_value(value: Value) -> str:
    """A value as JSON writes it, without quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def json_path(key: str) -> str:
    """The JSON path of an entry whose name is taken literally.

    >>> json_path('a.b')
    '$."a.b"'
    """
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'$."{escaped}"'
