"""SQL that users write: one SELECT over the tables of their project, checked before it runs.

The statement is parsed with SQLGlot; only known tables may be read, no function may reach outside,
and every table is replaced by a view of the project's rows, so that a query sees nothing else.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from trimtab.errors import InvalidRequest
from trimtab.stores.telemetry.queries import fill
from trimtab.stores.telemetry.rows import INPUT_TOKENS, OUTPUT_TOKENS

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
            "metadata",
            "input_preview",
            "output_preview",
        )
    },
    "user": '"user"',
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

# Functions that read files, settings, the network or the catalogue, or wait.
_FORBIDDEN = (
    "read_",
    "parquet_",
    "glob",
    "sniff_",
    "duckdb_",
    "pragma_",
    "getenv",
    "current_setting",
    "query",
    "query_table",
    "sql_auto_complete",
    "which_secret",
    "sleep",
    "url",
    "s3",
    "file",
    "remote",
    "cluster",
    "mysql",
    "postgresql",
    "jdbc",
    "odbc",
    "executable",
    "dictionary",
    "nextval",
    "currval",
    "add_parquet_key",
    "checkpoint",
    "force_checkpoint",
    "seq_scan",
    "json_execute",
    "from_substrait",
    "repeat",
    "input",
    "hdfs",
    "merge",
    "numbers",
    "generate",
    "zeros",
    "dict",
    "joinget",
    "getsetting",
    "getserver",
    "hostname",
    "catboost",
)


def checked(text: str) -> exp.Query:
    """The statement, if it may run.

    Raises:
        InvalidRequest: it is not one SELECT, or reads what it may not; `where` says the place.
    """
    try:
        statements = [one for one in sqlglot.parse(text, read="duckdb") if one is not None]
    except sqlglot.errors.ParseError as error:
        raise _refused(*_place(error)) from None
    except sqlglot.errors.SqlglotError as error:
        raise _refused(str(error).splitlines()[0][:200], "sql") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise _refused("send one SELECT statement", "sql")
    statement = statements[0]
    _check_tables(statement)
    _check_functions(statement)
    if next(statement.find_all(exp.Into, exp.Command, exp.Placeholder, exp.Parameter), None):
        raise _refused("a SELECT without INTO and without parameters can be answered", "sql")
    return statement


def scoped(statement: exp.Query, project: str, *, source: str = "telemetry.main.") -> exp.Query:
    """The statement over the rows of one project only; `source` is before the tables' names."""
    scope = statement.copy()
    names = {cte.alias_or_name.lower() for cte in scope.find_all(exp.CTE)}
    for table in list(scope.find_all(exp.Table)):
        if table.name.lower() in names:
            continue
        view = _view(table.name.lower(), project, source)
        alias = table.alias or table.name
        table.replace(exp.Subquery(this=view, alias=exp.TableAlias(this=exp.to_identifier(alias))))
    return scope


def _view(table: str, project: str, source: str) -> exp.Select:
    columns = ", ".join(f'{source} AS "{column}"' for column, source in TABLES[table].items())
    literal = exp.Literal.string(project).sql(dialect="duckdb")
    text = fill(_VIEW, columns=columns, source=source, table=table, project=literal)
    return sqlglot.parse_one(text, read="duckdb", into=exp.Select)


def _check_tables(statement: exp.Query) -> None:
    names = {cte.alias_or_name.lower() for cte in statement.find_all(exp.CTE)}
    for name in names & set(TABLES):
        raise _refused(f"a common table may not be called {name}", "sql")
    for table in statement.find_all(exp.Table):
        plain = isinstance(table.this, exp.Identifier) and not table.db and not table.catalog
        if not plain or table.name.lower() not in {*TABLES, *names}:
            raise _refused(
                f"there is no table {table.sql(dialect='duckdb')[:60]}; there are spans and scores",
                "sql",
            )


def _check_functions(statement: exp.Query) -> None:
    for function in statement.find_all(exp.Func):
        name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
        if name.lower().startswith(_FORBIDDEN) and name.lower() != "generate_series":
            raise _refused(f"the function {name.lower()[:60]} is not available here", "sql")


def _place(error: sqlglot.errors.ParseError) -> tuple[str, str]:
    first = error.errors[0] if error.errors else {}
    where = f"sql, line {first.get('line', 1)}, column {first.get('col', 1)}"
    return str(first.get("description") or "the statement cannot be read"), where


def _refused(reason: str, where: str) -> InvalidRequest:
    return InvalidRequest(
        f"this SQL cannot be answered: {reason}",
        where=where,
        fix="send one SELECT over the tables spans and scores, in DuckDB's dialect",
    )
