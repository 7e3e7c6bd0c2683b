"""What a recorded call says as an example: its question, what was found, what it answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from trimtab.datasets.fields import mapped
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.ports import ScoreQuery, SpanQuery, Table, TelemetryStore
from trimtab.records import Example, Span, text_of

_PAGE = 200
_SCORE = "score:"


class Expected(msgspec.Struct, frozen=True):
    """What becomes the expected answer of a call: its output, nothing, or what a score says."""

    kind: str
    score: str = ""

    @classmethod
    def parse(cls, text: str) -> Expected:
        """`output`, `none` or `score:NAME`. Raises InvalidRequest."""
        if text in ("output", "none"):
            return cls(text)
        name = text.removeprefix(_SCORE)
        if not text.startswith(_SCORE) or not name:
            raise InvalidRequest(
                f"{text[:80]!r} is not what can be expected",
                where="expected",
                fix="write output, none or score:NAME",
            )
        return cls("score", name)


def examples_of_traces(
    telemetry: TelemetryStore, query: SpanQuery, expected: Expected, *, limit: int
) -> Iterator[Example]:
    """Traces that a query finds, newest first, as examples that lead back to them.

    Left out are traces without a question, calls that an experiment made, and where a score says
    what was expected, those it says nothing of. Sessions are the clusters.
    """
    taken = 0
    page = replace(query, limit=_PAGE)
    while taken < limit and (rows := telemetry.traces(page)):
        for row in rows:
            spans = telemetry.trace(query.project, row.trace_id)
            example = _example(telemetry, query.project, spans, expected)
            if example is not None:
                yield example
                taken += 1
                if taken == limit:
                    return
        page = replace(page, page=(rows[-1].start_ns, rows[-1].trace_id))


def examples_of_table(table: Table, columns: dict[str, str]) -> Iterator[Example]:
    """The rows that a SELECT answered, as examples; `trace_id` and `span_id` lead back.

    Raises:
        InvalidRequest: no column is the input, or a row cannot be one; says which.
    """
    mapping = mapped(columns, table.columns, strict=False, where="sql")
    for number, cells in enumerate(table.rows, start=1):
        row = {name: _plain(cell) for name, cell in zip(table.columns, cells, strict=True)}
        yield mapping.example(row, what=f"row {number} of the answer")


def root_of(spans: Sequence[Span]) -> Span | None:
    return next((span for span in spans if span.parent_id is None), None)


def question(root: Span) -> str:
    """The last thing that a user asked in a call."""
    messages = root.input if isinstance(root.input, list) else [root.input]
    asked = [m for m in messages if not isinstance(m, dict) or m.get("role") == "user"]
    return text_of(asked[-1]) if asked else ""


def context(spans: Sequence[Span]) -> tuple[str, ...]:
    """The texts of what retrievers found."""
    found = [span.output for span in spans if span.kind == "retriever"]
    passages = [passage for output in found if isinstance(output, list) for passage in output]
    return tuple(text_of(passage) for passage in passages)


def _example(
    telemetry: TelemetryStore, project: str, spans: Sequence[Span], expected: Expected
) -> Example | None:
    root = root_of(spans)
    if root is None or root.run is not None or not (asked := question(root)).strip():
        return None
    wanted: Any = None
    if expected.kind == "output":
        wanted = text_of(root.output) or None
    elif expected.kind == "score":
        wanted = _said(telemetry, project, root.trace_id, expected.score)
        if wanted is None:
            return None
    known = {"release": root.release, "route": root.route, "model": root.model}
    return Example(
        example_id=root.trace_id,
        input=asked,
        expected=wanted,
        context=context(spans),
        metadata={name: value for name, value in known.items() if value},
        tags=("trace",),
        cluster=root.session,
        source_trace=root.trace_id,
        source_span=root.span_id,
    )


def _said(telemetry: TelemetryStore, project: str, trace_id: str, name: str) -> Any:
    """What the newest score of a name says was expected: in its metadata, or as its label."""
    query = ScoreQuery(project=project, trace_ids=(trace_id,), name=name, limit=100)
    for score in telemetry.scores(query):
        said = score.metadata.get("expected", score.label)
        if score.status == "scored" and said is not None:
            return said
    return None


def _plain(cell: Any) -> Any:
    """A cell as JSON: payloads are columns of JSON text."""
    if isinstance(cell, str) and cell.lstrip().startswith(("[", "{")):
        try:
            return jsonx.decode(cell.encode())
        except InvalidRequest:
            return cell
    return msgspec.to_builtins(cell)
