"""SQL that users write: one SELECT over the tables of their project, checked before it runs.

The statement is parsed with SQLGlot. It may only be made of what `readonly_grammar` names, and
only read `spans`, `scores` and the common tables in scope. Common tables are renamed, and the other
two replaced by views of the project's rows: should the database understand a name otherwise than
this module does, it finds nothing by that name.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from trimtab.errors import InvalidRequest
from trimtab.stores.telemetry.queries import fill
from trimtab.stores.telemetry.readonly_grammar import FUNCTIONS, NODES, TYPES
from trimtab.stores.telemetry.readonly_growth import growth
from trimtab.stores.telemetry.rows import INPUT_TOKENS, OUTPUT_TOKENS

# What it has to say about a statement is said to whoever sent that, not to the log.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

# What may be asked: the columns of each table, and the SQL behind those that are not stored.
SPANS = {
    **{
        name: name
        for name in (
            "trace_id",
            "span_id",
            "parent_id",
            "name",
            "kind",
            "status",
            "error",
            "session",
            "environment",
            "service",
            "route",
            "release",
            "run",
            "prompt",
            "provider",
            "model",
            "start_ns",
            "first_token_ns",
            "cache_read_tokens",
            "cache_write_5m_tokens",
            "cache_write_1h_tokens",
            "reasoning_tokens",
            "cost_usd",
            "cost_source",
            "tags",
            "input_preview",
            "output_preview",
        )
    },
    "user": '"user"',
    "metadata": "nullif(metadata, '')",
    "started": "make_timestamp(start_ns // 1000)",
    "end_ns": "(start_ns + duration_ns)",
    "duration_ms": "(duration_ns / 1e6)",
    "input_tokens": INPUT_TOKENS,
    "output_tokens": OUTPUT_TOKENS,
    "plain_input_tokens": "input_tokens",
    "audio_input_tokens": "audio_input_tokens",
    "plain_output_tokens": "output_tokens",
    "audio_output_tokens": "audio_output_tokens",
    "is_open": "open",
}
SCORES = {
    **{
        name: name
        for name in (
            "score_id",
            "name",
            "status",
            "value",
            "label",
            "passed",
            "reason",
            "source",
            "scorer_version",
            "author",
            "run",
            "cost_usd",
            "latency_ms",
            "time_ns",
            "target_kind",
            "target_id",
            "target_trace_id",
        )
    },
    "scored": "make_timestamp(time_ns // 1000)",
}
TABLES = {"spans": SPANS, "scores": SCORES}
_VIEW = "SELECT {columns} FROM {source}{table} WHERE project = {project}"

# An identifier that no table of the store has.
_COMMON = "cte_{name}"
_MOST_CHARACTERS = 20_000
_MOST_GROWTH = 32
# Each round of a recursion makes more out of what the last one made.
_MOST_GROWTH_PER_ROUND = 4
_USE_OTHERS = "say it with what the documentation of querying names under SQL"
_LOOK_AT = "send one SELECT over the tables spans and scores, in DuckDB's dialect"


def checked(text: str) -> exp.Query:
    """The statement, if it may run; its common tables have other names than they were given.

    Raises:
        InvalidRequest: it is not one SELECT, or reads what it may not; `where` says the place.
    """
    if len(text) > _MOST_CHARACTERS:
        raise refused(f"it has more than {_MOST_CHARACTERS} characters", fix="send a shorter one")
    with guarded():
        statement = _parsed(text)
        _check_nodes(statement)
        _check_growth(statement)
        _bind_tables(statement)
    return statement


def scoped(statement: exp.Query, project: str, *, source: str = "telemetry.main.") -> exp.Query:
    """A checked statement over the rows of one project; `source` is before the tables' names."""
    scope = statement.copy()
    for table in list(scope.find_all(exp.Table)):
        name = table.name.lower()
        if name not in TABLES:
            continue
        alias = table.args.get("alias") or exp.TableAlias(this=table.this.copy())
        view = exp.Subquery(this=_view(name, project, source), alias=alias)
        view.set("joins", table.args.get("joins"))
        table.replace(view)
    return scope


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Around whatever goes down a statement: one that is too deep is refused."""
    try:
        yield
    except RecursionError:
        raise refused("it is nested too deeply", fix="send a flatter one") from None


def refused(reason: str, *, where: str = "sql", fix: str = _LOOK_AT) -> InvalidRequest:
    return InvalidRequest(f"this SQL cannot be answered: {reason}", where=where, fix=fix)


def _parsed(text: str) -> exp.Query:
    try:
        found = sqlglot.parse(text, read="duckdb")
    except sqlglot.errors.ParseError as error:
        raise refused(_described(error), where=_place(error)) from None
    except sqlglot.errors.SqlglotError as error:
        raise refused(str(error).splitlines()[0][:200]) from None
    # A comment after the last semicolon is a statement of its own.
    statements = [one for one in found if one is not None and not isinstance(one, exp.Semicolon)]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise refused("send one SELECT statement")
    return statements[0]


def _view(table: str, project: str, source: str) -> exp.Select:
    columns = ", ".join(f'{source} AS "{column}"' for column, source in TABLES[table].items())
    literal = exp.Literal.string(project).sql(dialect="duckdb")
    text = fill(_VIEW, columns=columns, source=source, table=table, project=literal)
    return sqlglot.parse_one(text, read="duckdb", into=exp.Select)


def _check_nodes(statement: exp.Query) -> None:
    for node in statement.walk():
        node.pop_comments()
        if isinstance(node, exp.Anonymous):
            allowed = isinstance(node.this, str) and node.name.lower() in FUNCTIONS
        else:
            allowed = type(node).__name__ in NODES
        if isinstance(node, exp.DataType):
            allowed = _is_plain(node)
        if not allowed:
            raise refused(f"{_named(node)} is not available here", fix=_USE_OTHERS)


def _is_plain(kind: exp.DataType) -> bool:
    name = kind.this.value if isinstance(kind.this, exp.DataType.Type) else ""
    return name in TYPES and not kind.args.get("values")


def _named(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return f"the function {node.name.lower()[:60]}"
    if isinstance(node, exp.DataType):
        return f"the type {node.sql(dialect='duckdb')[:60]}"
    if isinstance(node, exp.Func):
        return f"the function {node.sql_name().lower()[:60]}"
    parameter = isinstance(node, exp.Placeholder | exp.Parameter)
    return "a parameter" if parameter else node.key.upper()


def _check_growth(statement: exp.Query) -> None:
    most = _MOST_GROWTH
    if any(found.args.get("recursive") for found in statement.find_all(exp.With)):
        most = _MOST_GROWTH_PER_ROUND
    try:
        found = growth(statement)
    except ValueError as error:
        raise refused(str(error)) from None
    if found > most:
        raise refused(
            f"it could make text {found} times as long as it was, and {most} times is the limit",
            fix="join fewer texts, and replace by shorter ones",
        )


def _bind_tables(statement: exp.Query) -> None:
    """Refuse tables that are not in scope where they stand, and rename the common ones."""
    stack: list[tuple[exp.Expr, frozenset[str]]] = [(statement, frozenset())]
    while stack:
        node, visible = stack.pop()
        common = node.args.get("with_")
        if common is not None:
            for cte in common.expressions:
                name = _name_of(cte, visible)
                again = common.args.get("recursive") and isinstance(cte.this, exp.SetOperation)
                stack.append((cte.this, visible | {name} if again else visible))
                visible |= {name}
        if isinstance(node, exp.Table):
            _bind(node, visible)
        stack += [(child, visible) for child in node.iter_expressions() if child is not common]


def _name_of(cte: exp.Expr, visible: frozenset[str]) -> str:
    """Of a common table, which has another one from here on."""
    name = cte.alias.lower()
    if name in TABLES or name in visible or not re.fullmatch(r"\w{1,60}", name):
        raise refused(
            f"a common table may not be called {cte.alias[:60]!r}",
            fix="give it a name of its own, of letters, digits and underscores",
        )
    cte.args["alias"].set("this", exp.to_identifier(_COMMON.format(name=name), quoted=True))
    return name


def _bind(table: exp.Table, visible: frozenset[str]) -> None:
    plain = isinstance(table.this, exp.Identifier) and not table.db and not table.catalog
    name = table.name.lower()
    if not plain or name not in visible | TABLES.keys():
        told = table.copy()
        told.set("joins", None)
        raise refused(
            f"there is no table {told.sql(dialect='duckdb')[:60]} here; there are spans and scores"
        )
    if name in visible:
        if not table.args.get("alias"):
            table.set("alias", exp.TableAlias(this=table.this.copy()))
        table.set("this", exp.to_identifier(_COMMON.format(name=name), quoted=True))


def _described(error: sqlglot.errors.ParseError) -> str:
    first = error.errors[0] if error.errors else {}
    return str(first.get("description") or "the statement cannot be read")


def _place(error: sqlglot.errors.ParseError) -> str:
    first = error.errors[0] if error.errors else {}
    return f"sql, line {first.get('line', 1)}, column {first.get('col', 1)}"
